"""Whatever bytes arrive: an error that names the field, nothing sent, bounded memory, and a server that stays well."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import grpc
import pytest

from emrgateway.v1 import job_run_service_pb2 as pb

from .jobs import APPLICATION, ROLE, body, cases, job, message, named
from .statuses import Refused, read, refused
from .wire import block, group, number, varint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emrgateway_sandbox import Sandbox

    from .gateways import Gateway

# What one bad request may cost: generous beside what it costs, and a fraction of what an unbounded reader would take.
_MOST_GROWTH_KB = 150 * 1024
_LIMIT, _MB = 512 * 1024, 1024 * 1024

# Field numbers of the contract.
_DRIVER, _OVERRIDES, _TAGS, _MODE = 5, 6, 7, 10
_UNKNOWN = 777
_HEAD = block(1, APPLICATION) + block(2, "token-1") + block(3, ROLE)
_SPARK = block(1, block(1, "s3://b/a.py"))
_JOB = _HEAD + block(_DRIVER, _SPARK)


@pytest.fixture
def well(open_gateway: Gateway, sandbox: Sandbox) -> Iterator[Gateway]:
    """The shared gateway; whatever a test sent, none of it started a job, memory is bounded, and it serves."""
    open_gateway.start(job())  # what is made once, at the first call, is not what a request costs
    runs, peak = len(sandbox.job_runs()), _resident_kb(open_gateway)
    yield open_gateway
    assert len(sandbox.job_runs()) == runs
    assert _resident_kb(open_gateway) - peak < _MOST_GROWTH_KB
    assert open_gateway.start(job()).job_run_id
    assert open_gateway.is_serving()


def _resident_kb(gateway: Gateway) -> int:
    """The most memory that the process ever had, where the system tells it."""
    file = Path(f"/proc/{gateway.pid}/status")
    if not file.exists():
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", file.read_text(encoding="ascii"))
    assert found
    return int(found[1])


def _invalid(gateway: Gateway, data: bytes) -> Refused:
    told = refused(lambda: gateway.send(data))
    assert (told.code, told.reason, told.outcome) == ("INVALID_ARGUMENT", "INVALID_REQUEST", "not_started")
    assert int(told.metadata["violations"]) == len(told.fields) + int(told.metadata["omitted"])
    assert told.fields
    return told


def _nested(depth: int, innermost: bytes = b"") -> bytes:
    """A job whose configurations nest `depth` deep."""
    inner = block(1, "c") + innermost
    for _ in range(depth - 1):
        inner = block(1, "c") + block(3, inner)
    return _JOB + block(_OVERRIDES, block(1, inner))


_FIRST = "configuration_overrides.application_configuration[0]"
_UNKNOWN_FIELDS = {
    "depth 0": (_JOB + number(_UNKNOWN, 1), "request"),
    "depth 1": (_HEAD + block(_DRIVER, _SPARK, block(_UNKNOWN, "x")), "job_driver"),
    "depth 2": (_HEAD + block(_DRIVER, block(1, block(1, "s3://b/a"), number(_UNKNOWN, 0))), "job_driver.spark_submit"),
    "depth 3": (_nested(2, number(_UNKNOWN, 1)), f"{_FIRST}.configurations[0]"),
    "depth 4": (_nested(3, number(_UNKNOWN, 1)), f"{_FIRST}.configurations[0].configurations[0]"),
    "in a map's entry": (_JOB + block(_TAGS, block(1, "k"), block(2, "v"), number(_UNKNOWN, 1)), "tags[0]"),
    "a group": (_JOB + group(_UNKNOWN, number(1, 1)), "request"),
    "a known number of another wire type": (_JOB + number(9, 1), "request"),
    "the highest number there is": (_JOB + number((1 << 29) - 1, 1), "request"),
}


@pytest.mark.parametrize("name", _UNKNOWN_FIELDS)
def test_unknown_fields_at_any_depth(name: str, well: Gateway) -> None:
    """A field that the contract does not have is refused where it stands, never dropped."""
    data, place = _UNKNOWN_FIELDS[name]
    assert pb.StartJobRunRequest.FromString(data).application_id == APPLICATION, "a parser swallows it"
    assert place in _invalid(well, data).fields


@pytest.mark.parametrize("value", [3, 99, -1, (1 << 31) - 1])
def test_unknown_enum_numbers(value: int, well: Gateway) -> None:
    """A number that the enum does not have is refused and shown, never sent as if unset."""
    told = _invalid(well, _JOB + number(_MODE, value))
    assert told.fields == ["mode"]
    assert str(value) in told.descriptions["mode"]


_DUPLICATES = {
    "both drivers": (_HEAD + block(_DRIVER, _SPARK, block(2, block(1, "SELECT 1"))), "job_driver.hive"),
    "both drivers, in two messages": (_JOB + block(_DRIVER, block(2, block(1, "SELECT 1"))), "job_driver"),
    "one driver twice": (_HEAD + block(_DRIVER, _SPARK, _SPARK), "job_driver.spark_submit"),
    "a scalar twice": (_JOB + block(3, ROLE), "execution_role_arn"),
    "a tag twice": (
        _JOB + block(_TAGS, block(1, "k"), block(2, "a")) + block(_TAGS, block(1, "k"), block(2, "b")),
        "tags[1]",
    ),
    "a tag's value twice": (_JOB + block(_TAGS, block(1, "k"), block(2, "a"), block(2, "b")), "tags[0].value"),
}


@pytest.mark.parametrize("name", _DUPLICATES)
def test_what_is_said_twice(name: str, well: Gateway) -> None:
    """A parser takes the last of two; the caller may mean the first: refused where the second stands."""
    data, place = _DUPLICATES[name]
    assert place in _invalid(well, data).fields


def test_sixteen_levels_are_served(open_gateway: Gateway) -> None:
    """The deepest nesting that is allowed goes through."""
    assert open_gateway.start(pb.StartJobRunRequest.FromString(_nested(16))).job_run_id


def test_seventeen_levels(well: Gateway) -> None:
    """One level more is refused, by the path of the seventeenth."""
    told = _invalid(well, _nested(17))
    assert told.fields == [_FIRST + ".configurations[0]" * 15 + ".configurations"]


@pytest.mark.parametrize("depth", [98, 101, 1_000, 10_000])
def test_nesting_at_and_past_protobufs_own_limit(depth: int, well: Gateway) -> None:
    """Whether protobuf still reads it or not, it is the caller's mistake and no crash."""
    _invalid(well, _nested(depth))


_HUGE = {
    "two million elements": _JOB + block(_OVERRIDES, block(1) * 2_000_000),
    "two million unknown fields": _JOB + number(_UNKNOWN, 1) * 2_000_000,
    "5 MB in one string": _JOB + block(_DRIVER, block(1, block(3, "x" * (5 * _MB)))),
    "one byte too many": _JOB + block(9, "x" * (_LIMIT + 1 - len(_JOB) - 4)),
}


@pytest.mark.parametrize("name", _HUGE)
def test_messages_that_are_too_large(name: str, well: Gateway) -> None:
    """Above 512 KiB nothing is parsed: the size and the limit are told."""
    data = _HUGE[name]
    told = _invalid(well, data)
    assert told.fields == ["request"]
    assert told.descriptions["request"] == f"the message has {len(data):,} bytes; at most 524,288 are allowed"


_FULL = {
    "elements": _JOB + block(_OVERRIDES, block(1) * 262_000),
    "unknown fields": _JOB + number(_UNKNOWN, 1) * 130_000,
    "tags": _JOB + b"".join(block(_TAGS, block(1, f"{n:x}"), block(2, "")) for n in range(50_000)),
    "one name, to the last byte": _JOB + block(9, "x" * (_LIMIT - len(_JOB) - 4)),
}


@pytest.mark.parametrize("name", _FULL)
def test_as_many_mistakes_as_fit(name: str, well: Gateway) -> None:
    """Just below the limit a request is read; a quarter of a million mistakes are bounded in reply and memory."""
    data = _FULL[name]
    assert len(data) <= _LIMIT
    assert "at most 524,288" not in _invalid(well, data).message


def test_nine_megabytes_are_the_transports_to_refuse(well: Gateway) -> None:
    """Above 8 MiB gRPC itself answers, without reading on."""
    told = refused(lambda: well.send(b"\0" * (9 * _MB)))
    assert (told.code, told.reason) == ("RESOURCE_EXHAUSTED", "")


_GARBAGE = {
    "zeros": b"\0" * 100,
    "0xff": b"\xff" * 100,
    "text": b"GET / HTTP/1.1\r\n\r\n",
    "cut short": _JOB[:-1],
    "a length past the end": block(1, APPLICATION) + varint(2 << 3 | 2) + varint(1 << 31),
    "a varint without an end": b"\x08" + b"\x80" * 20,
    "not UTF-8": block(1, b"\xff\xfe"),
    "an open group": varint(_UNKNOWN << 3 | 3),
}


@pytest.mark.parametrize("name", _GARBAGE)
@pytest.mark.parametrize("method", ["StartJobRun", "GetJobRun"])
def test_bytes_that_are_no_message(name: str, method: str, well: Gateway) -> None:
    """INVALID_ARGUMENT with the reason, where gRPC's own parsing would have said INTERNAL."""
    told = refused(lambda: well.send(_GARBAGE[name], method))
    assert (told.code, told.reason, told.fields) == ("INVALID_ARGUMENT", "INVALID_REQUEST", ["request"])
    assert told.outcome == ("not_started" if method == "StartJobRun" else None)


def test_random_damage(open_gateway: Gateway) -> None:
    """A request damaged at random is served, or refused by the gateway or AWS: no damage finds a bug."""
    dice = random.Random(20261124)  # noqa: S311 - damage, not a secret
    whole = message(body(tags={"a": "b"}, mode="BATCH", name="n", retryPolicy={"maxAttempts": 1})).SerializeToString()
    reasons = set()
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 3)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        try:
            open_gateway.send(bytes(data))
        except grpc.RpcError as error:
            reasons.add(read(cast("grpc.Call", error)).reason)
    assert "INVALID_REQUEST" in reasons
    assert reasons <= {"INVALID_REQUEST", "CLIENT_TOKEN_REUSED", "UPSTREAM_VALIDATION"}


def test_no_driver(well: Gateway) -> None:
    """AWS's model lets a job have no driver; the contract does not, nor an empty one."""
    assert _invalid(well, _HEAD).fields == ["job_driver"]
    assert _invalid(well, _HEAD + block(_DRIVER)).fields == ["job_driver"]


def test_an_empty_driver(well: Gateway) -> None:
    """A driver that is there and says nothing lacks what AWS requires of it."""
    assert _invalid(well, _HEAD + block(_DRIVER, block(1))).fields == ["job_driver.spark_submit.entry_point"]
    assert _invalid(well, _HEAD + block(_DRIVER, block(2))).fields == ["job_driver.hive.query"]


def test_a_missing_token(well: Gateway) -> None:
    """The gateway fills no token: an omitted one would make every retry of the transport a new job."""
    request = job()
    request.ClearField("client_token")
    assert _invalid(well, request.SerializeToString()).fields == ["client_token"]


def test_everything_missing(well: Gateway) -> None:
    """All that is required is named at once."""
    assert _invalid(well, b"").fields == ["application_id", "client_token", "execution_role_arn", "job_driver"]


@pytest.mark.parametrize("case", cases("control_characters.yaml"), ids=named)
def test_control_characters(case: dict[str, Any], open_gateway: Gateway) -> None:
    """Refused by field and character, except lines and tabs in parameters, queries and arguments."""
    request = job(**case["members"])
    if not case["want"]:
        assert open_gateway.start(request).job_run_id
        return
    assert _invalid(open_gateway, request.SerializeToString()).fields == [case["want"]]


def test_every_mistake_at_once(well: Gateway) -> None:
    """One reply names what each layer found: wire, model, and what the model does not know."""
    request = body(clientToken="x" * 65, tags={"k" * 129: "v", "plain": "v" * 257}, executionTimeoutMinutes=1_000_001)
    told = _invalid(well, message(request).SerializeToString() + number(_UNKNOWN, 1) + number(_MODE, 7))
    assert set(told.fields) >= {"request", "mode", "client_token", "execution_timeout_minutes", "tags.plain"}
    assert len(told.fields) == 6
