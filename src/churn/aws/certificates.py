"""Certificates for TLS between the machines of one cluster: made here, used once, of no worth afterwards."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime, timedelta
from importlib import util

from churn.aws.client import INSTALL
from churn.errors import UnavailableError


def check_cryptography() -> None:
    """Refuse to go on without the library that makes certificates.

    Raises:
        UnavailableError: if it is not installed.
    """
    if util.find_spec("cryptography") is None:
        raise UnavailableError("TLS between the machines needs cryptography, which is not installed", INSTALL)


def domain(region: str) -> str:
    """The names of machines inside a region's private network."""
    return "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"


def certificates(region: str, hours: float) -> bytes:
    """A key and a certificate for all machines of a cluster, as the zip file that EMR takes.

    Args:
        region: of the cluster.
        hours: hard limit of the cluster; the certificate is valid for a day longer.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"*.{domain(region)}")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=hours, days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(f"*.{domain(region)}")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("privateKey.pem", private)
        archive.writestr("certificateChain.pem", certificate)
        archive.writestr("trustedCertificates.pem", certificate)
    return packed.getvalue()
