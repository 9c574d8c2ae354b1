"""Wheel and pins of this installation."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import zipfile
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import parse_wheel_filename

from churn.aws.files import MOST_BYTES, job_files, resource
from churn.aws.pins import EXTRAS, constraints
from churn.aws.wheel import wheel
from tests.conftest import ROOT


def test_the_wheel_holds_the_package_as_it_runs_here_and_its_own_account_is_right() -> None:
    name, content = wheel()
    parsed, version, _, tags = parse_wheel_filename(name)
    assert (parsed, str(version)) == ("sparkify-churn", metadata.version("sparkify-churn"))
    assert {str(tag) for tag in tags} == {"py3-none-any"}
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    for path in (ROOT / "src" / "churn").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            member = path.relative_to(ROOT / "src").as_posix()
            assert archive.read(member) == path.read_bytes(), member
    record = next(member for member in archive.namelist() if member.endswith("RECORD"))
    lines = archive.read(record).decode().splitlines()
    assert {line.split(",")[0] for line in lines} == set(archive.namelist())
    for line in lines[:-1]:
        member, digest, size = line.rsplit(",", 2)
        found = base64.urlsafe_b64encode(hashlib.sha256(archive.read(member)).digest()).decode().rstrip("=")
        assert (digest, int(size)) == (f"sha256={found}", archive.getinfo(member).file_size)


def test_the_same_installation_makes_the_same_bytes() -> None:
    assert wheel() == wheel()


def test_pins_cover_what_the_core_needs_and_nothing_of_the_rest() -> None:
    pins = constraints("x86_64")
    found = dict(re.findall(r"^([a-z0-9-]+)==(\S+)$", pins, re.M))
    for name, version in found.items():
        assert version == metadata.version(name), name
    assert {"duckdb", "ibis-framework", "xgboost-cpu", "onnxruntime", "boto3", "numpy", "sqlglot"} <= set(found)
    assert not {"pyspark", "pytest", "polars", "sparkify-churn"} & set(found)
    assert "\npandas" in pins or "\n# pandas: not installed here" in pins  # PySpark is on the cluster, pandas is not
    for text in metadata.requires("sparkify-churn") or ():
        need = Requirement(text)
        if need.marker is None:
            assert need.name in found, need


def test_the_bootstrap_installs_what_is_pinned() -> None:
    found = re.search(r'"\$\{wheels\[0\]\}\[([a-z,]+)\]"', resource("bootstrap.sh").decode())
    assert found and set(found[1].split(",")) == EXTRAS


def test_all_files_together_are_far_below_the_limit() -> None:
    files = job_files("x86_64", image=True)
    assert files.size <= MOST_BYTES / 10
    assert {"bootstrap.sh", "job.py", "constraints.txt", "Dockerfile", files.wheel} == set(files.contents)
    assert {name for name, _ in files.texts()} == set(files.contents) - {files.wheel}
    assert files.digest == job_files("x86_64", image=True).digest != job_files("x86_64", image=False).digest
