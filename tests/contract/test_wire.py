"""Bytes → message: what a protobuf parser swallows is told, and nothing else is."""

from __future__ import annotations

import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from emrgateway.v1 import job_configuration_pb2 as conf
from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_server import wire
from emrgateway_server.errors import InvalidRequest
from emrgateway_server.findings import MAX_KEPT, Findings

from .encoding import END_GROUP, FIXED32, FIXED64, START_GROUP, group, integer, sized, tag, varint
from .messages import TRANSLATED, messages

MOST_BYTES = 524_288

# Field numbers, as the .proto files give them.
APPLICATION, TOKEN, DRIVER, OVERRIDES, TAGS, TIMEOUT, MODE, RETRY = 1, 2, 5, 6, 7, 8, 10, 11
SPARK, HIVE = 1, 2
STATES = 6
NOT_IN_CONTRACT = "is not in {} of this gateway's contract"
TWICE = "is in the message twice"


def _found(data: bytes, message_class: type[Message] = pb.StartJobRunRequest) -> list[tuple[str, str]]:
    found = Findings()
    wire.parse(data, message_class, most_bytes=MOST_BYTES, found=found)
    assert found.total >= len(found.kept)
    return [(item.field, item.description) for item in found.kept]


def _configuration(inner: bytes) -> bytes:
    """A request whose only configuration holds `inner`."""
    return sized(OVERRIDES, sized(1, inner))


def _unknown(number: int, name: str) -> str:
    return f"field number {number} {NOT_IN_CONTRACT.format(name)}"


def _no_value(number: int) -> str:
    return f"{number} is no value of this enum in this gateway's contract"


CONFIGURATION_PATH = "configuration_overrides.application_configuration[0]"
LOG_TYPES_PATH = "configuration_overrides.monitoring_configuration.cloud_watch_logging_configuration.log_types[0]"

# description: (bytes, the one thing that is found in them: path and text)
TOLD: dict[str, tuple[bytes, str, str]] = {
    "unknown varint": (integer(99, 1), "request", _unknown(99, "StartJobRunRequest")),
    "unknown text": (sized(99, "secret"), "request", _unknown(99, "StartJobRunRequest")),
    "unknown fixed32": (tag(99, FIXED32) + b"1234", "request", _unknown(99, "StartJobRunRequest")),
    "unknown fixed64": (tag(99, FIXED64) + b"12345678", "request", _unknown(99, "StartJobRunRequest")),
    "the largest field number": (integer(2**29 - 1, 1), "request", _unknown(2**29 - 1, "StartJobRunRequest")),
    "unknown field in a driver": (
        sized(DRIVER, sized(SPARK, integer(9, 1))),
        "job_driver.spark_submit",
        _unknown(9, "SparkSubmit"),
    ),
    "unknown field in a configuration": (
        _configuration(integer(9, 1)),
        CONFIGURATION_PATH,
        _unknown(9, "Configuration"),
    ),
    "unknown field in a configuration's configuration": (
        _configuration(sized(1, "c") + sized(3, sized(1, "d")) + sized(3, integer(9, 1))),
        f"{CONFIGURATION_PATH}.configurations[1]",
        _unknown(9, "Configuration"),
    ),
    "unknown field in a map's entry": (
        sized(TAGS, sized(1, "k") + sized(2, "v")) + sized(TAGS, sized(1, "l") + integer(3, 1)),
        "tags[1]",
        _unknown(3, "TagsEntry"),
    ),
    "unknown field in a map's message": (
        sized(OVERRIDES, sized(2, sized(3, sized(5, sized(1, "k") + sized(2, integer(7, 1)))))),
        f"{LOG_TYPES_PATH}.value",
        _unknown(7, "StringList"),
    ),
    "a known number, another wire type": (
        integer(APPLICATION, 1),
        "request",
        _unknown(APPLICATION, "StartJobRunRequest"),
    ),
    "a number as text": (sized(TIMEOUT, "\x05"), "request", _unknown(TIMEOUT, "StartJobRunRequest")),
    "a repeated text as a number": (
        sized(DRIVER, sized(SPARK, integer(2, 1))),
        "job_driver.spark_submit",
        _unknown(2, "SparkSubmit"),
    ),
    "unknown enum number": (integer(MODE, 3), "mode", _no_value(3)),
    "large enum number": (integer(MODE, 2**31 - 1), "mode", _no_value(2**31 - 1)),
    "negative enum number": (integer(MODE, -1), "mode", _no_value(-1)),
    "both drivers": (
        sized(DRIVER, sized(SPARK, sized(1, "s3://c/a.py")) + sized(HIVE, sized(1, "q"))),
        "job_driver.hive",
        "spark_submit is set as well: only one of them may be",
    ),
    "both drivers, in two halves of one field": (
        sized(DRIVER, sized(HIVE, b"")) + sized(DRIVER, sized(SPARK, b"")),
        "job_driver",
        TWICE,
    ),
    "one driver twice": (sized(DRIVER, sized(SPARK, b"") + sized(SPARK, b"")), "job_driver.spark_submit", TWICE),
    "text twice": (sized(TOKEN, "a") + sized(TOKEN, "b"), "client_token", TWICE),
    "text twice, the same": (sized(TOKEN, "a") + sized(TOKEN, "a"), "client_token", TWICE),
    "number twice": (integer(TIMEOUT, 0) + integer(TIMEOUT, 5), "execution_timeout_minutes", TWICE),
    "enum twice": (integer(MODE, 1) + integer(MODE, 2), "mode", TWICE),
    "message twice": (sized(RETRY, b"") + sized(RETRY, integer(1, 1)), "retry_policy", TWICE),
    "text twice far inside": (
        _configuration(sized(1, "c") + sized(1, "d")),
        f"{CONFIGURATION_PATH}.classification",
        TWICE,
    ),
    "map key twice": (
        sized(TAGS, sized(1, "k") + sized(2, "v")) + sized(TAGS, sized(2, "w") + sized(1, "k")),
        "tags[1]",
        "has the same key as an entry before it",
    ),
    "map key twice, empty and left out": (
        sized(TAGS, sized(1, "") + sized(2, "v")) + sized(TAGS, sized(2, "w")),
        "tags[1]",
        "has the same key as an entry before it",
    ),
    "key twice in one entry": (sized(TAGS, sized(1, "k") + sized(1, "l")), "tags[0].key", TWICE),
    "value twice in one entry": (sized(TAGS, sized(1, "k") + sized(2, "v") + sized(2, "w")), "tags[0].value", TWICE),
}  # fmt: skip - a row a case


@pytest.mark.parametrize(("data", "path", "text"), TOLD.values(), ids=TOLD)
def test_what_a_parser_swallows_is_told(data: bytes, path: str, text: str) -> None:
    """Each thing that protobuf's parser takes without a word is found once, at its place, among valid fields."""
    around = integer(100, 0), sized(12, b"")  # fields that no case uses
    assert _found(data) == [(path, text)]
    assert _found(around[0] + data + around[1]) == [(path, text)]


STATES_TOLD: dict[str, tuple[bytes, list[int]]] = {
    "one by one": (integer(STATES, 1) + integer(STATES, 77), [77]),
    "packed": (sized(STATES, varint(77)), [77]),
    "packed, negative": (sized(STATES, varint(-5)), [-5]),
    "packed, two of them": (sized(STATES, varint(77) + varint(1) + varint(-2)), [77, -2]),
    "packed and one by one": (sized(STATES, varint(77)) + integer(STATES, 78), [77, 78]),
}


@pytest.mark.parametrize(("data", "numbers"), STATES_TOLD.values(), ids=STATES_TOLD)
def test_unknown_numbers_of_repeated_enums_are_told(data: bytes, numbers: list[int]) -> None:
    """Every unknown number is found, packed or not, negative or not."""
    found = _found(data, pb.ListJobRunsRequest)
    assert [text for _, text in found] == [_no_value(number) for number in numbers]
    assert all(path.startswith("states[") for path, _ in found)


@pytest.mark.parametrize(
    "data",
    [
        integer(STATES, 1) + integer(STATES, 9),
        sized(STATES, varint(1) + varint(9)),
        sized(STATES, varint(1)) + integer(STATES, 9) + sized(STATES, b""),
        sized(STATES, b"\x81\x80\x00" + varint(9)),
    ],
    ids=["unpacked", "packed", "both", "padded"],
)
def test_both_forms_of_repeated_enums_are_fine(data: bytes) -> None:
    """A parser must read packed and unpacked numbers alike; neither is a fault."""
    found = Findings()
    message = wire.parse(data, pb.ListJobRunsRequest, most_bytes=MOST_BYTES, found=found)
    assert found.kept == []
    assert list(message.states) == [1, 9]


@pytest.mark.parametrize(
    "data",
    [
        group(99, b""),
        group(99, sized(TOKEN, "inside")),
        group(DRIVER, sized(SPARK, b"")),
        group(99, group(98, integer(1, 1))),
        sized(DRIVER, group(SPARK, sized(1, "s3://c/a.py"))),
        sized(APPLICATION, "a") + group(99, sized(APPLICATION, "b")) + sized(TOKEN, ""),
    ],
    ids=["empty", "with text", "of a known number", "nested", "inside a message", "with a field that is there"],
)
def test_groups_are_told(data: bytes) -> None:
    """A group is one unknown field whatever its number, and what is in it is never taken for a field of the message."""
    found = Findings()
    message = wire.parse(data, pb.StartJobRunRequest, most_bytes=MOST_BYTES, found=found)
    assert found.total == 1
    assert not message.client_token


UNREADABLE: dict[str, bytes] = {
    "garbage": bytes(range(200, 256)),
    "cut in a tag": tag(TOKEN, 2),
    "cut in a length": sized(TOKEN, "abc")[:2],
    "cut in a text": sized(TOKEN, "abc")[:-1],
    "cut in a varint": tag(TIMEOUT, 0) + b"\x80",
    "a varint of eleven bytes": tag(TIMEOUT, 0) + b"\xff" * 10 + b"\x01",
    "cut in a packed list": sized(99, b"") + tag(OVERRIDES, 2) + b"\x7f",
    "a length beyond the end": tag(TOKEN, 2) + varint(2**31 - 1) + b"abc",
    "a length of four gigabytes": tag(TOKEN, 2) + varint(2**32) + b"abc",
    "field number 0": b"\x02\x00",
    "wire type 6": tag(99, 6),
    "wire type 7": tag(99, 7),
    "not UTF-8 in a text": sized(TOKEN, b"\xff\xfe"),
    "not UTF-8 in a map's key": sized(TAGS, sized(1, b"\xc3\x28")),
    "not UTF-8 in a map's value": sized(TAGS, sized(1, "k") + sized(2, b"\xed\xa0\x80")),
    "not UTF-8 far inside": _configuration(sized(1, b"\x80")),
    "a group that does not end": tag(99, START_GROUP),
    "a group that did not begin": tag(99, END_GROUP),
    "a group that another one ends": tag(99, START_GROUP) + tag(98, END_GROUP),
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE)
def test_bytes_that_are_no_message_are_refused(data: bytes) -> None:
    """What no parser reads is an InvalidRequest that says so and repeats none of the bytes."""
    with pytest.raises(InvalidRequest) as raised:
        _found(data)
    (violation,) = raised.value.violations
    assert violation.field == "request"
    assert "the bytes are no StartJobRunRequest" in violation.description


def test_a_packed_list_may_not_end_inside_a_number() -> None:
    """The numbers of a packed list end where it ends."""
    with pytest.raises(InvalidRequest):
        _found(sized(STATES, b"\x01\x80"), pb.ListJobRunsRequest)


def _nested(depth: int) -> bytes:
    """A request with configurations nested `depth` deep, by hand: no serializer goes past 100."""
    data = sized(1, "c")
    for _ in range(depth - 1):
        data = sized(1, "c") + sized(3, data)
    return _configuration(data)


@pytest.mark.parametrize("depth", [1, 16, 17, 90, 97])
def test_nesting_that_a_parser_reads_is_walked(depth: int) -> None:
    """Depth is no finding of the wire's: conformance counts it."""
    assert _found(_nested(depth)) == []


@pytest.mark.parametrize("depth", [101, 5_000, 50_000])
def test_nesting_past_a_parsers_limit_is_refused(depth: int) -> None:
    """Past protobuf's limit of 100 it is no message, however deep: no recursion of ours, no crash."""
    with pytest.raises(InvalidRequest, match="nested more than 100 deep"):
        _found(_nested(depth))


def test_the_limit_of_bytes_is_exact() -> None:
    """As many bytes as allowed pass; one more is refused unread, with both numbers."""
    data = sized(TOKEN, "x" * 1_000)
    wire.parse(data, pb.StartJobRunRequest, most_bytes=len(data), found=Findings())
    with pytest.raises(InvalidRequest) as raised:
        wire.parse(data, pb.StartJobRunRequest, most_bytes=len(data) - 1, found=Findings())
    (violation,) = raised.value.violations
    assert violation.description == "the message has 1,003 bytes; at most 1,002 are allowed"


def test_a_message_full_of_mistakes_keeps_a_bounded_number() -> None:
    """As many unknown fields as a message may hold are counted whole, and kept as far as the bound."""
    found = Findings()
    data = integer(99, 1) * wire.MAX_FIELDS
    wire.parse(data, pb.StartJobRunRequest, most_bytes=MOST_BYTES, found=found)
    assert found.total == wire.MAX_FIELDS
    assert len(found.kept) == MAX_KEPT


def test_more_fields_than_any_job_needs_are_refused_unread() -> None:
    """Half a megabyte of empty configurations would be gigabytes as objects: it is refused while it is counted."""
    data = integer(99, 1) * (wire.MAX_FIELDS + 1)
    with pytest.raises(InvalidRequest, match="more than 50,000 fields"):
        wire.parse(data, pb.StartJobRunRequest, most_bytes=MOST_BYTES, found=Findings())


def test_no_bytes_are_an_empty_message() -> None:
    """Nothing is a message with nothing in it."""
    assert _found(b"") == []


_CLASSES = st.sampled_from([pair[0] for pair in TRANSLATED.values()] + [conf.JobDriver, conf.ConfigurationOverrides])
_ANY = _CLASSES.flatmap(messages)


@settings(max_examples=300, deadline=None)
@given(_ANY, st.booleans())
def test_what_a_serializer_writes_is_never_found_fault_with(message: Message, deterministic: bool) -> None:  # noqa: FBT001 - hypothesis'
    """Any message of the contract, serialised in either order of its maps, is walked without a finding."""
    found = Findings()
    data = message.SerializeToString(deterministic=deterministic)
    assert wire.parse(data, type(message), most_bytes=len(data), found=found) == message
    assert found.kept == []


@settings(max_examples=300, deadline=None)
@given(_ANY, st.data())
def test_a_singular_field_sent_again_is_always_found(message: Message, data: st.DataObject) -> None:
    """Whatever is in a message, a singular field of it that follows once more is found."""
    singular = [field for field, _ in message.ListFields() if not field.is_repeated]
    if not singular:
        return
    field = data.draw(st.sampled_from(singular))
    again = type(message)()
    if field.message_type:
        getattr(again, field.name).CopyFrom(getattr(message, field.name))
        getattr(again, field.name).SetInParent()
    else:
        setattr(again, field.name, getattr(message, field.name))
    found = _found(message.SerializeToString() + again.SerializeToString(), type(message))
    assert (field.name, TWICE) in found


@settings(max_examples=500, deadline=None)
@given(_CLASSES, st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(message_class: type[Message], data: bytes) -> None:
    """Arbitrary bytes are a message or an InvalidRequest; nothing else is ever raised."""
    _read_or_refuse(data, message_class)


@settings(max_examples=500, deadline=None)
@given(_ANY, st.data())
def test_any_damaged_message_is_read_or_refused(message: Message, data: st.DataObject) -> None:
    """The same for messages with a byte changed, bytes cut out, or bytes put in: much closer to real ones."""
    whole = message.SerializeToString()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 4)))
    _read_or_refuse(whole[:start] + data.draw(st.binary(max_size=6)) + whole[end:], type(message))


def _read_or_refuse(data: bytes, message_class: type[Message]) -> None:
    """And what was read without a finding says what it said: serialised again, it is read alike."""
    found = Findings()
    try:
        message = wire.parse(data, message_class, most_bytes=MOST_BYTES, found=found)
    except InvalidRequest:
        return
    if not found.total:
        again = message_class.FromString(message.SerializeToString())
        # Bytes, since a NaN is unlike itself.
        assert again.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True)
