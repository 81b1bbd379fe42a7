"""Globs: the table of globs.yaml, and the matcher against a naive one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from emrgateway_server.caller import Caller
from emrgateway_server.globs import Glob, GlobSet, Kind, is_strange, kind_of
from emrgateway_server.globs.values import LONGEST_KEPT
from emrgateway_server.templates import MissingLabel

from . import naive_globs

_ANYONE = Caller("someone")
_TABLES = yaml.safe_load(Path(__file__).with_name("globs.yaml").read_text(encoding="utf-8"))


def _pairs() -> list[Any]:
    return [
        pytest.param(table, pair, id=f"{table['title']}: {pair[0]} {pair[1]!a}")
        for table in _TABLES
        for pair in table["pairs"]
    ]


@pytest.mark.parametrize(("table", "pair"), _pairs())
def test_glob(table: dict[str, Any], pair: tuple[str, str, bool]) -> None:
    """Each line of the table holds, and a value is strange in just those tables that say so."""
    glob, value, matches = pair
    kind = Kind[table["kind"]] if "kind" in table else None
    assert Glob(glob).matches(value, _ANYONE, kind) is matches
    if kind is None:
        assert is_strange(value, kind_of(value)) is table.get("strange", False)
    if table.get("kind", "PLAIN") in ("PLAIN", "PATH"):
        field = table.get("kind", "").lower()
        assert naive_globs.matches(glob, value, field) is matches, (
            "the naive matcher reads the table as the server does"
        )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "an empty glob"),
        ("s3://b/x**", "** must stand alone"),
        ("s3://b/**x", "** must stand alone"),
        ("s3://b/***", "** must stand alone"),
        ("s3://b/a:**", "** must stand alone"),
        ("x**", "** must stand alone"),
        ("***", "** must stand alone"),
        ("s3://b*/x", "bucket, host or trust domain is compared whole"),
        ("s3://*b/x", "bucket, host or trust domain is compared whole"),
        ("s3a://b-*/x", "bucket, host or trust domain is compared whole"),
        ("s3://${caller.id}-*/x", "bucket, host or trust domain is compared whole"),
        ("spiffe://*.example.com/x", "bucket, host or trust domain is compared whole"),
        ("arn:aws*:iam::123456789012:role/x", "the partition is compared whole"),
        ("arn:aws:iam::12345678901*:role/x", "the account is compared whole"),
        ("s3://b/${caller}/x", "is no reference"),
        ("s3://b/${caller.labels.}/x", "is no reference"),
        ("s3://b/${caller.id", "is no reference"),
        ("s3://b/${caller.labels.a b}", "is no reference"),
        ("s3://b/${ caller.id }", "is no reference"),
    ],
)
def test_bad_glob(text: str, complaint: str) -> None:
    """A glob that readers would have to guess at is refused, and told why."""
    with pytest.raises(ValueError, match=complaint.replace("*", r"\*")):
        Glob(text)


def test_missing_label_is_told() -> None:
    """A glob that needs a label the caller lacks matches nothing and does not pass for one that fails to match."""
    with pytest.raises(MissingLabel, match="team"):
        Glob("s3://b/${caller.labels.team}/**").matches("s3://b/x/y", _ANYONE)


_SEGMENTS = st.text(alphabet="ab*", max_size=3)
_GLOB_SEGMENTS = st.one_of(_SEGMENTS.filter(lambda text: "**" not in text), st.just("**"))
_VALUE_SEGMENTS = st.one_of(
    st.text(alphabet="ab", max_size=3),
    st.sampled_from(["", ".", "..", "%2e", "a@b", "*", "**", "é", "a?", "a\\", "\n", "a#b", "#", "a "]),
)
_SCHEMES = st.sampled_from(["s3://", "s3a://", "s3n://", "spiffe://", "file://"])
_BUCKETS = st.sampled_from(["a", "b", "a-b"])
_ACCOUNTS = st.sampled_from(["1", "2"])


def _url(buckets: st.SearchStrategy[str], segments: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    path = st.lists(segments, max_size=4).map(lambda parts: "".join(f"/{part}" for part in parts))
    return st.tuples(_SCHEMES, buckets, path).map("".join)


def _arn(
    partitions: st.SearchStrategy[str], accounts: st.SearchStrategy[str], segments: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    path = st.lists(segments, min_size=1, max_size=4).map("/".join)
    return st.builds("arn:{}:iam::{}:{}".format, partitions, accounts, path)


_STAR = st.just("*")
_URL_GLOBS = _url(_BUCKETS | _STAR, _GLOB_SEGMENTS)
_ARN_GLOBS = _arn(st.sampled_from(["aws", "aws-cn", "*"]), _ACCOUNTS | _STAR, _GLOB_SEGMENTS)
_PLAIN_GLOBS = st.text(alphabet="ab.*/", min_size=1, max_size=6).filter(lambda text: "**" not in text)
_URL_VALUES = _url(_BUCKETS | st.sampled_from(["", "a@b", "a:1"]), _VALUE_SEGMENTS)
_ARN_VALUES = _arn(st.sampled_from(["aws", "aws-cn", "aws-evil"]), _ACCOUNTS, _VALUE_SEGMENTS)
_PLAIN_VALUES = st.text(alphabet="ab.*/ :", max_size=6)
_GLOBS = st.one_of(_URL_GLOBS, _ARN_GLOBS, _PLAIN_GLOBS, st.just("**"))
_VALUES = st.one_of(_URL_VALUES, _ARN_VALUES, _PLAIN_VALUES)
# Of one family, so that they meet.
_PAIRS = st.one_of(
    st.tuples(_URL_GLOBS, _URL_VALUES),
    st.tuples(_ARN_GLOBS, _ARN_VALUES),
    st.tuples(_PLAIN_GLOBS, _PLAIN_VALUES),
    st.tuples(_GLOBS, _VALUES),
)


@given(_PAIRS, st.sampled_from([None, Kind.PLAIN, Kind.PATH]))
@settings(max_examples=2_000, deadline=None, derandomize=True)
@example(("s3://a/**/b", "s3://a/b"), None)
def test_matcher_agrees_with_the_naive_one(pair: tuple[str, str], kind: Kind | None) -> None:
    """The server's RE2 matcher and the backtracking one say the same of every glob and value, in allow and deny."""
    glob, value = pair
    field = kind.value if kind else ""
    assert Glob(glob).matches(value, _ANYONE, kind) is naive_globs.matches(glob, value, field)
    assert Glob(glob).denies(value, _ANYONE, kind) is naive_globs.denies(glob, value, field)


@given(st.text(max_size=12), st.text(alphabet="ab*/:.${}", max_size=8))
@settings(max_examples=500, deadline=None, derandomize=True)
def test_a_label_stands_for_itself_alone(label: str, value: str) -> None:
    """A template's glob matches exactly the label's own text, whatever glob, template or regex syntax is in it."""
    glob = Glob("${caller.labels.x}")
    caller = Caller("someone", {"x": label})
    assert glob.matches(value, caller, Kind.PLAIN) is (value == label and not is_strange(value, Kind.PLAIN))
    assert glob.matches(label, caller, Kind.PLAIN) is not is_strange(label, Kind.PLAIN)


def _ends_any(glob: str) -> bool:
    """Whether `**` stands at the end alone."""
    return "**/" not in glob


def _is_one_word(glob: str) -> bool:
    return "/" not in glob


def _meeting(globs: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, str, str]]:
    return st.tuples(globs, globs, values)


_MEETINGS = st.one_of(
    _meeting(_URL_GLOBS.filter(_ends_any), _URL_VALUES),
    _meeting(_ARN_GLOBS.filter(_ends_any), _ARN_VALUES),
    _meeting(_PLAIN_GLOBS.filter(_is_one_word), st.text(alphabet="ab.*", max_size=6)),
)


@given(_MEETINGS)
@settings(max_examples=2_000, deadline=None, derandomize=True)
def test_globs_that_meet_overlap(case: tuple[str, str, str]) -> None:
    """Two globs that one value matches overlap: no contradiction between two rules' `set` gets past the loader."""
    one, other, value = case
    if naive_globs.matches(one, value) and naive_globs.matches(other, value):
        assert Glob(one).overlaps(Glob(other))
        assert Glob(other).overlaps(Glob(one))


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ("**", "anything", True),
        ("s3://b/*", "s3://b/x", True),
        ("s3://b/*", "s3://b/x/y", False),
        ("s3://b/**", "s3://b/x/y", True),
        ("s3://b/**", "s3://c/**", False),
        ("s3a://b/x", "s3://b/x", True),
        ("s3://b/a*", "s3://b/*z", True),
        ("s3://b/a*", "s3://b/b*", False),
        ("spiffe://prod.example.com/ns/a/**", "spiffe://prod.example.com/ns/b/**", False),
        ("${caller.id}", "spiffe://x/y", True),
        ("team-${caller.labels.x}", "team-*", True),
        ("team-${caller.labels.x}", "crew-*", False),
        ("00f1", "00f2", False),
        ("*", "team/x", True),
        ("spiffe://a/*", "spiffe://a/b:c", True),
        ("spiffe://a/*", "spiffe://a/b/c", False),
        ("arn:aws:iam::*:role/x", "arn:aws:iam::1:2:role/x", False),
        ("s3://b/**/x", "s3://b/x", True),
    ],
)
def test_overlap(one: str, other: str, *, overlap: bool) -> None:
    """Whether two globs have a value in common; a reference may stand for anything."""
    assert Glob(one).overlaps(Glob(other)) is overlap
    assert Glob(other).overlaps(Glob(one)) is overlap


@pytest.mark.parametrize("length", [LONGEST_KEPT - 10, LONGEST_KEPT + 10])
def test_what_is_kept_changes_no_answer(length: int) -> None:
    """A set answers as its globs do, the first time and again, to each of more callers than are kept, short or long."""
    globs = [Glob("s3://a/${caller.labels.team}/*/x"), Glob("s3://b/${caller.id}/**"), Glob("plain-*")]
    both = GlobSet(globs)
    filling = "y" * length
    for number in [*range(300), 0]:
        caller = Caller(f"c{number}", {"team": f"t{number}"})
        for value, matches in (
            (f"s3://a/t{number}/{filling}/x", True),
            (f"s3://a/t{number + 1}/{filling}/x", False),
            (f"s3a://b/c{number}/{filling}#alias", True),
            (f"s3://b/c{number + 1}/{filling}", False),
            (f"s3://b/c{number}/../{filling}", False),
            (f"plain-{filling}", True),
        ):
            assert both.matches(value, caller) is matches
            assert (both.denying(value, caller) is not None) is (matches or ".." in value)
            assert any(glob.matches(value, caller) for glob in globs) is matches
