"""What rules do is counted where operators look, those in audit mode above all: nothing else tells of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .gateways import ALLOW_ALL
from .jobs import job
from .test_services import fetched

if TYPE_CHECKING:
    from emrgateway_sandbox import Sandbox

    from .conftest import Serve

_RULES = """\
---
apiVersion: emrgateway/v1
kind: Policy
metadata: {name: p}
rules:
  - {id: audited, field: tags.none, required: true, mode: audit}
  - {id: named, field: name, set: x}
  - {id: silent, field: mode, deny: [STREAMING]}
"""


def test_outcomes_are_counted_by_rule(serve: Serve, sandbox: Sandbox) -> None:
    """Each judgement counts a rule that had something to say once, by verdict and mode; the caller hears no audit."""
    gateway = serve(sandbox.url, ALLOW_ALL + _RULES, sections={"metrics": "127.0.0.1:0"})
    for number in range(3):
        reply = gateway.start(job(clientToken=f"t{number}"))
        assert [outcome.rule_id for outcome in reply.decision.outcomes] == ["p/named"]
    text = fetched(gateway.metrics, "/metrics")[2]
    counted = re.findall(r"^emr_gateway_policy_outcomes_total\{(.*)\} (\S+)$", text, re.MULTILINE)
    assert sorted(counted) == [
        ('mode="audit",rule="p/audited",verdict="warned"', "3.0"),
        ('mode="enforce",rule="p/named",verdict="changed"', "3.0"),
    ]
