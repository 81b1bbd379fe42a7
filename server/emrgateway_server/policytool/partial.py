"""Which rules can be judged on a request that is not whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from google.protobuf.descriptor import Descriptor

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_server.caller import Caller
from emrgateway_server.policy.cel import Expression
from emrgateway_server.policy.field import Field, WholeRequest
from emrgateway_server.policy.request_field import RequestField
from emrgateway_server.policy.rules import Policies, Rule
from emrgateway_server.policy.selection import select
from emrgateway_server.shapes import field_name

_Members = tuple[str, ...]  # the way to a member, each step in snake_case

# What these are derived from; every other derived field may be read from anything that can be erased.
_DERIVED_FROM: Mapping[str, tuple[_Members, ...]] = {
    "max_runtime_minutes": (("execution_timeout_minutes",), ("retry_policy",), ("mode",)),
    "classifications": (("configuration_overrides", "application_configuration", "classification"),),
}
_READS_REQUEST = re.compile(r"\brequest\b((?:\s*\.\s*[a-z0-9_]+)*)")
_EVERYTHING: tuple[_Members, ...] = ((),)


def not_judgeable(
    policies: Policies, caller: Caller, request: Mapping[str, Any], erased: Iterable[str], today: date | None
) -> frozenset[str]:
    """The full ids of the rules that speak to a request and read what was erased from it, by any way.

    A rule that would amend a field and cannot be judged leaves no one to know what the field becomes: so is then
    whatever reads that.
    """
    day = today or datetime.now(UTC).date()
    rules = [
        rule
        for rule in select(policies, caller, str(request["applicationId"]), day).rules
        if rule.field.exists(request)
    ]
    unknown = {_pointed(pointer) for pointer in erased}
    found: dict[str, Rule] = {}
    while True:
        new = [rule for rule in rules if rule.id not in found and _meet(_read_by(rule), unknown)]
        if not new:
            return frozenset(found)
        found |= {rule.id: rule for rule in new}
        unknown |= {members for rule in new if rule.amends for members in _read_by_field(rule.field)}


def _pointed(pointer: str) -> _Members:
    """The members on the way of `/input/request/jobDriver/…`; places in lists are no members."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[3:]]
    return _snake([part for part in parts if not part.isdigit()])


def _snake(members: Sequence[str]) -> _Members:
    """AWS's names as policies write them; a tag's key is its own."""
    return tuple(members) if members[:1] == ["tags"] else tuple(map(field_name, members))


def _read_by(rule: Rule) -> Iterator[_Members]:
    yield from _read_by_field(rule.field)
    for expression in (rule.when, rule.check):
        if expression is not None:
            yield from _read_by_expression(expression)


def _read_by_field(field: Field) -> Sequence[_Members]:
    if isinstance(field, WholeRequest):
        return ()
    if isinstance(field, RequestField):
        return (_snake(list(field.members)),)
    return _DERIVED_FROM.get(field.path, _EVERYTHING)


def _read_by_expression(expression: Expression) -> Iterator[_Members]:
    for name in expression.names:
        yield from _DERIVED_FROM.get(name, _EVERYTHING)
    for match in _READS_REQUEST.finditer(expression.source):
        yield tuple(_fields([part.strip() for part in match[1].split(".")[1:]]))


def _fields(names: Sequence[str]) -> Iterator[str]:
    """As many of some names as are members on one way into the request: after a list or a map, anything may follow."""
    descriptor: Descriptor | None = pb.StartJobRunRequest.DESCRIPTOR
    for name in names:
        member = descriptor.fields_by_name.get(name) if descriptor else None
        if member is None:
            return
        yield name
        descriptor = None if member.is_repeated else member.message_type


def _meet(read: Iterable[_Members], unknown: Iterable[_Members]) -> bool:
    """Whether something that is read holds something unknown, or is held by it."""
    unknown = list(unknown)
    return any(one[: len(other)] == other[: len(one)] for one in read for other in unknown)
