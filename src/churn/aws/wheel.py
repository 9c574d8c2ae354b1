"""The wheel of this very installation, packed anew: no build tool, no network, the same bytes every time.

It works where the package was installed by pip and where it runs from a source tree, and holds what runs here.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Final

from churn.errors import UnavailableError

DISTRIBUTION: Final = "sparkify-churn"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_WHEEL: Final = "Wheel-Version: 1.0\nGenerator: churn\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def distribution() -> metadata.Distribution:
    """What pip knows of this package.

    Raises:
        UnavailableError: if it runs without having been installed.
    """
    try:
        return metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError as error:
        raise UnavailableError(
            f"{DISTRIBUTION} is not installed, so nobody knows what it needs", "pip install it, also for a source tree"
        ) from error


def wheel() -> tuple[str, bytes]:
    """Name and content."""
    known = distribution()
    stem = f"{DISTRIBUTION.replace('-', '_')}-{known.version}"
    info = f"{stem}.dist-info"
    members = {f"churn/{name}": content for name, content in _package().items()}
    members[f"{info}/METADATA"] = (known.read_text("METADATA") or "").encode()
    members[f"{info}/WHEEL"] = _WHEEL.encode()
    members[f"{info}/entry_points.txt"] = (known.read_text("entry_points.txt") or "").encode()
    record = "".join(f"{name},{_digest(content)},{len(content)}\n" for name, content in members.items())
    members[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    return f"{stem}-py3-none-any.whl", _zip(members)


def _package() -> dict[str, bytes]:
    root = Path(__file__).parent.parent
    paths = (path for path in sorted(root.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def _digest(content: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _zip(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return packed.getvalue()
