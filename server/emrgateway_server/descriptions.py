"""What is done with a DescribePolicy, step by step: identify, parse, check, describe, reply."""

from __future__ import annotations

from emrgateway.v1 import policy_service_pb2 as pb
from emrgateway.v1.job_configuration_pb2 import StringList
from emrgateway_server import conformance, shapes
from emrgateway_server.call import Call
from emrgateway_server.findings import Findings
from emrgateway_server.intake import Intake
from emrgateway_server.policy import DescribedException, DescribedGrant, DescribedRule, Mode, describe
from emrgateway_server.policy_source import PolicySource

_APPLICATION_ID = shapes.request_shape("StartJobRun").members["applicationId"]
_MODES = {Mode.ENFORCE: pb.RULE_MODE_ENFORCE, Mode.WARN: pb.RULE_MODE_WARN}


class Descriptions:
    """Tells callers what policy says to them; thread-safe."""

    def __init__(self, intake: Intake, policies: PolicySource) -> None:
        self._intake = intake
        self._policies = policies

    def describe(self, data: bytes, call: Call) -> pb.DescribePolicyResponse:
        """A DescribePolicy, from its bytes to its reply."""
        caller = self._intake.caller(call)
        found = Findings()
        request = self._intake.parse(data, pb.DescribePolicyRequest, found)
        if request.application_id:
            conformance.check_value(request.application_id, _APPLICATION_ID, "application_id", found)
        found.raise_if_any()
        description = describe(self._policies.engine.policies, caller, request.application_id)
        return pb.DescribePolicyResponse(
            policy_digest=description.policy_digest,
            caller=pb.Caller(id=caller.id, labels=caller.labels),
            grants=map(_grant, description.grants),
            rules=map(_rule, description.rules),
            exceptions=map(_exception, description.exceptions),
        )


def _grant(grant: DescribedGrant) -> pb.PolicyGrant:
    return pb.PolicyGrant(
        actions=grant.actions,
        applications=grant.applications,
        roles=grant.roles,
        runs=grant.runs,
        application_matches=_lists(grant.application_matches),
    )


def _rule(rule: DescribedRule) -> pb.PolicyRule:
    return pb.PolicyRule(
        id=rule.id,
        field=rule.field,
        mode=_MODES[rule.mode],
        why=rule.why,
        set=rule.set,
        default=rule.default,
        fixed=rule.fixed,
        required=rule.required,
        forbidden=rule.forbidden,
        allow=rule.allow,
        deny=rule.deny,
        pattern=rule.pattern,
        min=rule.min,
        max=rule.max,
        otherwise=_otherwise(rule),
        when=rule.when,
        check=rule.check,
        application_matches=_lists(rule.application_matches),
        missing_labels=rule.missing_labels,
    )


def _exception(exception: DescribedException) -> pb.PolicyException:
    return pb.PolicyException(
        rules=exception.rules,
        until=exception.until.isoformat(),
        reason=exception.reason,
        approved_by=exception.approved_by,
    )


def _otherwise(rule: DescribedRule) -> pb.Otherwise.ValueType:
    if rule.min is None and rule.max is None:
        return pb.OTHERWISE_UNSPECIFIED
    return pb.OTHERWISE_CLAMP if rule.clamps else pb.OTHERWISE_DENY


def _lists(lists: tuple[tuple[str, ...], ...]) -> list[StringList]:
    return [StringList(values=values) for values in lists]
