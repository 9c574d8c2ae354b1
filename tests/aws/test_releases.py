from __future__ import annotations

import pytest

from churn.aws.releases import DEFAULT, SPARK, spark_of
from churn.errors import SettingsError


def test_a_release_names_its_spark() -> None:
    assert spark_of("emr-7.0.0") == "3.5.0"
    assert spark_of(DEFAULT) == SPARK[DEFAULT]
    assert spark_of("emr-7.99.0") == spark_of("emr-8.0.0") == "3.5 or newer"


@pytest.mark.parametrize(
    ("release", "words"),
    [
        ("emr-6.15.0", "its Spark is 3.4.1, and 3.5 or newer is needed"),
        ("emr-5.20.0", "its Spark is older than 3.5"),
        ("emr-7.x", "no release is called so"),
        ("7.1.0", "no release is called so"),
    ],
)
def test_a_release_with_too_old_a_spark_is_refused(release: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        spark_of(release)
    assert words in str(caught.value) and release in str(caught.value)
