"""What is said of the values that globs match is certain: of every value, and whatever its kind."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from emrgateway_server.caller import Caller
from emrgateway_server.globs import Glob, Kind
from emrgateway_server.policytool.globsets import covers, disjoint

_SETTINGS = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.filter_too_much])
_CALLER = Caller("spiffe://d/a", {"team": "a/b", "n": "*"})
_PIECES = [
    "*",
    "**",
    "a",
    "b",
    "ab",
    "/",
    ":",
    ".",
    "s3://",
    "s3a://",
    "spiffe://",
    "arn:aws:",
    "x",
    "-",
    "${caller.labels.team}",
]
_REFERENCES = ["${caller.id}", "${caller.labels.n}", "$$"]
_TEXTS = st.lists(st.sampled_from([*_PIECES, *_REFERENCES]), min_size=1, max_size=7).map("".join)
_VALUES = st.lists(st.sampled_from([*_PIECES[2:14], "..", "//", "%"]), max_size=7).map("".join)
_KINDS = st.sampled_from([None, Kind.PLAIN, Kind.PATH, Kind.ARN, Kind.LOG_GROUP, Kind.SPARK_KEY])


def _glob(text: str) -> Glob | None:
    try:
        return Glob(text)
    except ValueError:
        return None


@st.composite
def _matched(draw: st.DrawFn) -> tuple[Glob, Glob, str]:
    """Two globs, and a value that is likely to be matched by the first."""
    one = _glob(draw(_TEXTS))
    assume(one is not None)
    assert one is not None
    cut = draw(st.sampled_from([one.text, re.sub(r"\*+", "*", one.text), one.text.replace("*", "**", 1)]))
    other = _glob(draw(_TEXTS | st.just(cut)))
    assume(other is not None)
    assert other is not None
    filled = re.sub(r"\*+", lambda _: draw(_VALUES), one.text.replace("${caller.labels.team}", "a/b"))
    return one, other, draw(_VALUES | st.just(filled))


@given(_matched(), _KINDS)
@settings(_SETTINGS, max_examples=800)
def test_glob_sets(globs: tuple[Glob, Glob, str], kind: Kind | None) -> None:
    """A value that one glob matches is matched by every glob that covers it, and by none that is disjoint from it."""
    one, other, value = globs
    both = [glob.matches(value, _CALLER, kind) for glob in (one, other)]
    event(f"matches {both}, covers {covers([other], [one])}, disjoint {disjoint([one], [other])}")
    assert disjoint([one], [other]) is disjoint([other], [one])
    if both[0] and covers([other], [one]):
        assert both[1]
    if disjoint([one], [other]) and kind in (None, Kind.PLAIN, Kind.ARN):
        assert not all(both)


def test_glob_sets_say_something() -> None:
    """The answers that the reviews are made for are given: a glob in another, and two that are apart."""
    yes = [
        ("s3://a/**", "s3://a/b/*"),
        ("spiffe://d/ns/*/sa/*", "spiffe://d/ns/x/sa/y"),
        ("**", "x"),
        ("x/${caller.labels.team}/**", "x/${caller.labels.team}/y"),
    ]
    assert [pair for pair in yes if not covers([Glob(pair[0])], [Glob(pair[1])])] == []
    assert not covers([Glob("s3://a/*")], [Glob("s3://a/b/c")])
    assert not covers([Glob("s3://a/*")], [Glob("s3://a/**")])
    assert not covers([Glob("a*")], [Glob("${caller.labels.team}")])
    apart = [
        ("s3://a/**", "s3://b/**"),
        ("arn:aws:iam::1:role/a/*", "arn:aws:iam::1:role/b"),
        ("s3://a/*", "s3://a/b/c"),
    ]
    assert [pair for pair in apart if not disjoint([Glob(pair[0])], [Glob(pair[1])])] == []
    assert not disjoint([Glob("*")], [Glob("team/x")])
    assert not disjoint([Glob("s3://a/**/x")], [Glob("s3://a/x")])
