"""What AWS receives, judged again from scratch, breaks no rule: for generated policies and requests, end to end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any

import grpc

from tests.policy import generating, generating_jobs, naive
from tests.policy.comparing import in_words
from tests.policy.generating import PRICES, Policies
from tests.policy.naive_case import Verdict
from tests.policy.strategies import loaded
from tests.policy.support import STAMPS

from . import traceparents
from .faulty_aws import faulty_aws
from .gateways import Gateway
from .jobs import message

if TYPE_CHECKING:
    from .conftest import Serve

_CALLER = ("spiffe://d/ns/x/sa/z", {"team": "x", "tier": "5"})
_POLICIES, _SUBMISSIONS = 60, 10
_SECTIONS = {
    "identity": {"insecure": {"caller": _CALLER[0]}},
    "callers": [{"match": "**", "labels": _CALLER[1]}],
    "prices": dict(zip(("vcpu_hour", "memory_gb_hour", "disk_gb_hour"), PRICES, strict=True)),
}


def test_what_is_sent_breaks_no_rule(serve: Serve) -> None:
    """Each body that AWS got is the request as amended and stamped, and keeps every rule; what breaks one was not sent.

    A set of policies is told from another by its application.
    """
    random = Random(0)  # noqa: S311 - no secret, and the same again by its seed
    policies = dict(_policies(random))
    seen: Counter[str] = Counter()
    with faulty_aws() as aws:
        texts = {f"{application}.yaml": _text(documents) for application, documents in policies.items()}
        gateway = serve(aws.url, texts, sections=_SECTIONS)
        for application, documents in policies.items():
            for _ in range(_SUBMISSIONS):
                request = _request(random, application)
                code = _submitted(gateway, request)
                received = aws.seen.pop(application, [])
                seen[code.name] += 1
                assert len(received) == (code is grpc.StatusCode.OK)
                for body in received:
                    _keeps_every_rule(documents, request, {**json.loads(body), "applicationId": application})
                if code is grpc.StatusCode.PERMISSION_DENIED:
                    verdict = _judged(documents, request, STAMPS)
                    assert verdict.denied or verdict.is_open
    assert seen["OK"] > 100, seen
    assert seen["PERMISSION_DENIED"] > 100, seen


def _policies(random: Random) -> Iterator[tuple[str, Policies]]:
    """Sets of policies that can be loaded, by the application that each is for."""
    for number in range(_POLICIES):
        application = f"00x{number}"
        documents = generating.documents(random)
        for document in documents:
            document["metadata"] = {"name": f"{document['metadata']['name']}-{number}"}
            document["match"] = {**document.get("match", {}), "applications": [application]}
            for exception in document.get("exceptions", []):
                is_past = exception["until"] < generating.TODAY.isoformat()
                exception["until"] = "2000-01-01" if is_past else "2999-12-31"
        if loaded(documents) is not None:
            yield application, documents


def _text(documents: Policies) -> str:
    return "\n---\n".join(map(json.dumps, documents))


def _request(random: Random, application: str) -> dict[str, Any]:
    made = generating_jobs.request(random) | {"applicationId": application}
    return made | {"clientToken": f"{random.randrange(16**12):012x}"}


def _submitted(gateway: Gateway, request: Mapping[str, Any]) -> grpc.StatusCode:
    try:
        gateway.start(message(dict(request)))
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return grpc.StatusCode.OK


def _keeps_every_rule(documents: Policies, request: Mapping[str, Any], sent: dict[str, Any]) -> None:
    again = naive.violations(documents, _CALLER, sent, today=datetime.now(UTC).date(), prices=PRICES)
    assert again.denied == set()
    stamps = {key: value for key, value in sent["tags"].items() if key.startswith("emr-gateway:")}
    assert stamps
    expected = _judged(documents, request, stamps)
    if not expected.is_vague and not expected.is_open:
        plain = traceparents.without(sent, request)
        assert in_words({**plain, "clientToken": ""}) == in_words({**expected.request, "clientToken": ""})


def _judged(documents: Policies, request: Mapping[str, Any], stamps: Mapping[str, str]) -> Verdict:
    return naive.judge(documents, _CALLER, request, stamps, today=datetime.now(UTC).date(), prices=PRICES)
