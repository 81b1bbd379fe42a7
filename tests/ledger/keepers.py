"""The two keepers of rows, on a clock that tests turn."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
import yaml
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from emrgateway_server.emr import LedgerTable
from emrgateway_server.ledger import MemoryLedger, Row, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from emrgateway_server.ledger import Ledger

START = 1_800_000_000.0
DAY = 86_400.0
REGION = "us-east-1"
TEMPLATE = Path(__file__).parents[2] / "deploy" / "aws" / "gateway.yaml"
_numbers = itertools.count()


class _Template(yaml.SafeLoader):
    """CloudFormation's YAML: its functions are tags, and what they give is of no matter here."""


_Template.add_multi_constructor("!", lambda *_: None)


@dataclass
class Clock:
    """Stands still until it is turned."""

    now: float = START

    def __call__(self) -> float:
        """The time."""
        return self.now


def row(token: str, version: str, *, state: State = State.SENT, lease: float = 0.0, expires: float = DAY) -> Row:
    """A row of which tests look at few members."""
    reply = version.encode() if state is State.DONE else b""
    return Row(token, "intent", state, START, START + lease, START + expires, version, reply)


def table(url: str) -> str:
    """Make a table as `deploy/aws/gateway.yaml` defines it; its name."""
    name = f"ledger-{next(_numbers)}"
    client = boto3.client("dynamodb", region_name=REGION, endpoint_url=url)
    template = yaml.load(TEMPLATE.read_text(encoding="utf-8"), Loader=_Template)  # noqa: S506 - safe, by its base
    properties = template["Resources"]["Ledger"]["Properties"]
    made = ("AttributeDefinitions", "KeySchema", "BillingMode")
    client.create_table(TableName=name, **{key: properties[key] for key in made})
    client.close()
    return name


def try_out(machine: Callable[[], RuleBasedStateMachine], chosen: settings) -> None:
    """Run a state machine that takes arguments. It is slow where every step is a request."""
    chosen = settings(chosen, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    run_state_machine_as_test(cast("Any", machine), settings=chosen)


def memory(clock: Callable[[], float]) -> Ledger:
    """A keeper that never runs out of room."""
    return MemoryLedger(1_000_000, clock=clock)


def dynamo(url: str, name: str, clock: Callable[[], float]) -> Ledger:
    """A keeper before a DynamoDB."""
    return LedgerTable(name, region=REGION, endpoint_url=url, connections=8, clock=clock)
