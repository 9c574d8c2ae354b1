"""What Hadoop is told about S3, and what is left as its user has set it."""

from __future__ import annotations

import pytest

from churn.engines.spark_s3 import left_to_us

KEYS = {"access.key": "a", "secret.key": "b", "session.token": "c", "aws.credentials.provider": "Temporary"}
WHERE = {"endpoint": "http://127.0.0.1:1", "path.style.access": "true", "connection.ssl.enabled": "false"}
OURS = {"endpoint.region": "us-east-1", "retry.limit": "6", **KEYS, **WHERE}


@pytest.mark.parametrize(
    ("theirs", "gone"),
    [
        (set(), set()),
        ({"endpoint.region"}, {"endpoint.region"}),
        ({"access.key"}, set(KEYS)),  # not their key with the token of the environment
        ({"aws.credentials.provider"}, set(KEYS)),
        ({"endpoint"}, set(WHERE)),
        ({"retry.limit", "session.token"}, {"retry.limit", *KEYS}),
    ],
)
def test_what_somebody_has_set_goes_before_and_keys_are_not_mixed(theirs: set[str], gone: set[str]) -> None:
    assert set(OURS) - set(left_to_us(OURS, theirs)) == gone
