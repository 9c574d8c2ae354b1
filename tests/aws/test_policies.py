"""The policy documents in docs/emr: valid, without wildcards, and enough for every call that the program makes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

FOLDER = ROOT / "docs" / "emr"
DOCUMENTS = sorted(FOLDER.glob("*.json"))

UNRESTRICTABLE = {
    "elasticmapreduce:RunJobFlow",
    "elasticmapreduce:ListClusters",
    "elasticmapreduce:CreateSecurityConfiguration",
    "elasticmapreduce:DescribeSecurityConfiguration",
    "elasticmapreduce:DeleteSecurityConfiguration",
}
"""Actions for which AWS knows no resource, so that the resource is `*`."""

ACTIONS = {
    "head_bucket": {"s3:ListBucket"},
    "list_objects_v2": {"s3:ListBucket"},
    "head_object": {"s3:GetObject"},
    "get_object": {"s3:GetObject"},
    "put_object": {"s3:PutObject"},
    "delete_object": {"s3:DeleteObject"},
    "get_role": {"iam:GetRole"},
    "get_instance_profile": {"iam:GetInstanceProfile"},
    "get_caller_identity": set(),  # everybody may
    "run_job_flow": {"elasticmapreduce:RunJobFlow", "elasticmapreduce:AddTags",
                     "elasticmapreduce:PutAutoTerminationPolicy", "iam:PassRole"},
    "add_job_flow_steps": {"elasticmapreduce:AddJobFlowSteps"},
    "terminate_job_flows": {"elasticmapreduce:TerminateJobFlows"},
    "cancel_steps": {"elasticmapreduce:CancelSteps"},
    "describe_cluster": {"elasticmapreduce:DescribeCluster"},
    "describe_step": {"elasticmapreduce:DescribeStep"},
    "list_clusters": {"elasticmapreduce:ListClusters"},
    "list_steps": {"elasticmapreduce:ListSteps"},
    "create_security_configuration": {"elasticmapreduce:CreateSecurityConfiguration"},
    "describe_security_configuration": {"elasticmapreduce:DescribeSecurityConfiguration"},
    "delete_security_configuration": {"elasticmapreduce:DeleteSecurityConfiguration"},
    "create_application": {"emr-serverless:CreateApplication", "emr-serverless:TagResource"},
    "get_application": {"emr-serverless:GetApplication"},
    "list_applications": {"emr-serverless:ListApplications"},
    "start_job_run": {"emr-serverless:StartJobRun", "iam:PassRole"},
    "list_job_runs": {"emr-serverless:ListJobRuns"},
    "get_job_run": {"emr-serverless:GetJobRun"},
    "cancel_job_run": {"emr-serverless:CancelJobRun"},
}  # fmt: skip
"""What each call of boto3 needs."""


def statements(path: Path) -> list[dict[str, Any]]:
    value = json.loads(path.read_text(encoding="utf-8"))
    assert set(value) == {"Version", "Statement"} and value["Version"] == "2012-10-17"
    found: list[dict[str, Any]] = value["Statement"]
    return found


def listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_no_document_allows_more_than_it_names(path: Path) -> None:
    for statement in statements(path):
        assert statement["Effect"] == "Allow"
        actions = listed(statement["Action"])
        assert not [action for action in actions if "*" in action or "?" in action]
        assert not {"NotAction", "NotResource", "NotPrincipal"} & set(statement)
        for resource in listed(statement.get("Resource", [])):
            if resource == "*":
                assert set(actions) <= UNRESTRICTABLE, actions
            else:
                assert re.fullmatch(r"arn:aws:[a-z0-9-]+:[A-Z]*:[A-Z]*:[^*]*[^*:]/?\*?", resource), resource
                assert not resource.endswith(("s3:::*", "BUCKET/*")), "a whole bucket"


def test_clusters_of_others_can_be_neither_started_nor_ended() -> None:
    for statement in statements(FOLDER / "submitter.json"):
        if {"elasticmapreduce:RunJobFlow", "elasticmapreduce:TerminateJobFlows"} & set(statement["Action"]):
            ((name, value),) = statement["Condition"]["StringLike"].items()
            assert name.endswith("Tag/churn:out") and value.startswith("s3://RESULT-BUCKET/RUNS/")


def test_roles_can_be_handed_to_the_services_in_question_only() -> None:
    (statement,) = (one for one in statements(FOLDER / "submitter.json") if "iam:PassRole" in one["Action"])
    assert set(statement["Condition"]["StringEquals"]["iam:PassedToService"]) == {
        "elasticmapreduce.amazonaws.com", "ec2.amazonaws.com", "emr-serverless.amazonaws.com",
    }  # fmt: skip


def test_the_policies_allow_exactly_what_the_program_calls() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src" / "churn" / "aws").glob("*.py"))
    pattern = r"\b(?:s3|emr|emr_once|serverless|iam|sts)\.(?:get_paginator\(\"(\w+)\"|(\w+)\()"
    called = {name for pair in re.findall(pattern, text) for name in pair if name and name != "get_paginator"}
    called |= set(re.findall(r"_check_role\(clients, \"(\w+)\"", text))
    assert called == set(ACTIONS), called ^ set(ACTIONS)
    needed = set().union(*ACTIONS.values())
    allowed = {
        action
        for name in ("submitter", "submitter-serverless")
        for statement in statements(FOLDER / f"{name}.json")
        for action in listed(statement["Action"])
    }
    assert allowed == needed


def test_the_page_names_every_document() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    for path in DOCUMENTS:
        assert f"({path.name})" in page, path.name
