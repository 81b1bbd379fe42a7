"""Who has no identity, or hides it, does not fill the audit's disk: what is not written is counted."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from jsonschema import Draft202012Validator

from emrgateway.v1 import policy_service_pb2 as pb
from emrgateway.v1 import policy_service_pb2_grpc as pb_grpc
from emrgateway_server.allowance import Allowance
from emrgateway_server.audit.trail import STRANGERS_BURST, STRANGERS_PER_SECOND
from tests.identity.doors import asked, issuer, open_doors
from tests.identity.metrics import samples
from tests.identity.tokens import SigningKey, claims, token
from tests.server.gateways import PATIENCE_SECONDS

from .audits import endings, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.identity.doors import Doors

_SCHEMA = json.loads((Path(__file__).parents[2] / "deploy" / "audit.schema.json").read_text(encoding="utf-8"))
_KEY = SigningKey("main", "EC")
_CALLS = 600


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    """A gateway that knows a caller by its token, and whose audit is a file."""
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [_KEY.jwk]}), encoding="utf-8")
    audit = {"path": str(tmp_path / "audit.jsonl"), "fsync": "never"}
    with open_doors(tmp_path / "doors", [issuer(jwks_file=str(tmp_path / "jwks.json"))], audit=audit) as running:
        yield running


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", PATIENCE_SECONDS), (token(_KEY, claims()), 0.09)],
    ids=["no token", "no time to show it"],
)
def test_a_flood_is_counted(text: str, seconds: float, doors: Doors, tmp_path: Path) -> None:
    """However calls end before their caller is known: a bounded number has lines, and with the count they are all."""
    metadata = (("authorization", f"Bearer {text}"),) if text else ()
    began = time.monotonic()
    with doors.channel() as channel:
        grpc.channel_ready_future(channel).result(PATIENCE_SECONDS)
        ask = pb_grpc.PolicyServiceStub(channel).DescribePolicy
        for _ in range(_CALLS):
            with pytest.raises(grpc.RpcError):
                ask(pb.DescribePolicyRequest(), timeout=seconds, metadata=metadata)
        most = STRANGERS_BURST + STRANGERS_PER_SECOND * (time.monotonic() - began) + 1
        assert asked(channel, token=token(_KEY, claims()))
    calls = sum(samples(doors.metrics, "rpc_server_call_duration_seconds_count").values())
    (kept_back,) = samples(doors.metrics, "emr_gateway_audit_kept_back_total").values()
    doors.gateway.stop()
    lines = endings(read(tmp_path / "audit.jsonl"))
    strangers = [line for line in lines if "caller" not in line["input"]]
    assert len(strangers) <= most
    assert len(lines) - len(strangers) == 1
    assert sum(line.get("kept_back", 0) for line in lines) == kept_back == calls - len(lines) > 0
    for line in lines:
        Draft202012Validator(_SCHEMA).validate(line)


def test_an_allowance() -> None:
    """So many at once, then one whenever its time has come, never more saved up than at first; each is told of once."""
    now = 0.0
    allowance = Allowance(2, 0.5, lambda: now)
    assert [allowance.take() for _ in range(4)] == [True, True, False, False]
    assert (allowance.tell(), allowance.tell(), allowance.kept_back) == (2, 0, 2)
    now = 1.9
    assert not allowance.take()
    now = 2.0
    assert allowance.take()
    now = 1000.0
    assert [allowance.take() for _ in range(3)] == [True, True, False]
    assert (allowance.tell(), allowance.kept_back) == (2, 4)
