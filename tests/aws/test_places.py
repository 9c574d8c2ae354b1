from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn.aws.places import Place
from churn.errors import SettingsError


@pytest.mark.parametrize("scheme", ["s3", "s3a", "s3n"])
def test_an_address_is_a_bucket_and_a_key(scheme: str) -> None:
    assert Place.of(f"{scheme}://my.bucket/a/b.json", "log") == Place("my.bucket", "a/b.json")


@pytest.mark.parametrize("text", ["s3://bucket/run", "s3://bucket/run/"])
def test_a_folder_ends_with_a_slash_and_has_its_job_folder_beside_it(text: str) -> None:
    place = Place.folder(text, "--out")
    assert str(place) == "s3://bucket/run/"
    assert str(place.job / "files/job.py") == "s3://bucket/run.emr/files/job.py"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("run", "is no address in S3"),
        ("https://bucket/run", "is no address in S3"),
        ("s3://", "no bucket can be called ''"),
        ("s3://My_Bucket/run", "no bucket can be called 'My_Bucket'"),
        ("s3://bucket/a b", "has a space"),
        ("s3://bucket/a'b", "a quote"),
        ("s3://bucket/a//b", "an empty part"),
        ("s3://bucket", "is a whole bucket"),
        ("s3://bucket/", "is a whole bucket"),
    ],
)
def test_what_is_no_folder_in_s3_is_refused_by_name(text: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Place.folder(text, "--out")
    assert words in str(caught.value) and "--out" in str(caught.value) and "; " in str(caught.value)


@given(
    st.from_regex(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", fullmatch=True),
    st.from_regex(r"([a-z0-9._=-]+/)*[a-z0-9]+/", fullmatch=True),
)
def test_writing_and_reading_an_address_changes_nothing(bucket: str, key: str) -> None:
    place = Place(bucket, key)
    assert Place.folder(str(place), "--out") == place
