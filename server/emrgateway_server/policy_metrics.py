"""What operators are told of the policy in force."""

from __future__ import annotations

from emrgateway_server import telemetry
from emrgateway_server.policy_source import PolicySource


def observe(source: PolicySource) -> None:
    """Tell of the source's policy whenever somebody looks."""
    telemetry.observe(
        "emr_gateway.policy.info",
        "The policy in force, by its digest.",
        lambda: [(1, {"digest": source.engine.digest})],
    )
    telemetry.observe(
        "emr_gateway.policy.age_seconds",
        "How long ago the policy in force was loaded.",
        lambda: [(source.age_seconds, {})],
    )
    telemetry.observe(
        "emr_gateway.policy.last_load_successful",
        "1 where the last load of the policy directory succeeded, 0 where an older policy stays in force.",
        lambda: [(float(source.is_current), {})],
    )
    telemetry.observe(
        "emr_gateway.policy.reload_failures",
        "Loads of the policy directory that failed since the gateway started.",
        lambda: [(source.failures, {})],
        only_grows=True,
    )
