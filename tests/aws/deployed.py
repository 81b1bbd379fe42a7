"""The policies of deploy/aws as AWS would hold them: templates through a CloudFormation engine (moto's)."""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from moto import mock_aws

FOLDER = Path(__file__).parents[2] / "deploy" / "aws"
ACCOUNT = "123456789012"
APPLICATION = f"arn:aws:emr-serverless:us-east-1:{ACCOUNT}:/applications/00f1qr8s3v6pd409"
SUBMITTER = f"arn:aws:iam::{ACCOUNT}:role/emr-gateway/submitter"
TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/emr-gateway-ledger"
ROLES = {"break-glass": "break-glass", "gateway": "gateway", "target": "submitter"}
PARAMETERS: Mapping[str, Mapping[str, str]] = {
    "boundary": {},
    "break-glass": {
        "Principals": f"arn:aws:iam::{ACCOUNT}:role/on-call",
        "AlarmEmail": "on-call@example.com",
        "ApplicationArns": f"{APPLICATION},{APPLICATION}x",
    },
    "gateway": {"ClusterName": "platform", "SubmitterRoleArns": SUBMITTER},
    "target": {
        "GatewayRoleArn": f"arn:aws:iam::{ACCOUNT}:role/emr-gateway/gateway",
        "ExternalId": "a-long-external-id",
        "ApplicationArns": f"{APPLICATION},{APPLICATION}x",
    },
}


@cache
def scp() -> Any:  # noqa: ANN401 - a policy document
    """The service control policy."""
    return json.loads((FOLDER / "scp.json").read_text(encoding="utf-8"))


@cache
def boundary() -> Any:  # noqa: ANN401 - as above
    """The permissions boundary."""
    with _stack("boundary"):
        iam = boto3.client("iam", region_name="us-east-1")
        arn = f"arn:aws:iam::{ACCOUNT}:policy/emr-gateway/boundary"
        return iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]


@cache
def role(template: str) -> tuple[Any, Any]:
    """The policy and the trust of a template's role."""
    name = ROLES[template]
    with _stack(template):
        iam = boto3.client("iam", region_name="us-east-1")
        trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        policy = iam.get_role_policy(RoleName=name, PolicyName=name)["PolicyDocument"]
        return ast.literal_eval(policy), trust  # moto keeps a template's inline policy as Python prints it


@contextmanager
def _stack(template: str) -> Iterator[None]:
    parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in PARAMETERS[template].items()]
    with mock_aws(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tried to parse AWS::(EKS|SNS)::")  # what moto has not: no role
        cloudformation = boto3.client("cloudformation", region_name="us-east-1")
        cloudformation.create_stack(
            StackName=template,
            TemplateBody=(FOLDER / f"{template}.yaml").read_text(encoding="utf-8"),
            Parameters=parameters,
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        yield
