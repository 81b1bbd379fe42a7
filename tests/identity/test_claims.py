"""The template of a caller's id: what stands for what."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emrgateway_server.claims import UnusableClaim, parse

_CLAIMS = {"sub": "etl", "a-b": {"c}d": "x"}, "kubernetes.io": {"namespace": "data"}, "n": 1}


@pytest.mark.parametrize(
    ("text", "caller_id"),
    [
        ("${claims.sub}", "etl"),
        ('spiffe://d/${claims["kubernetes.io"].namespace}/${claims.sub}', "spiffe://d/data/etl"),
        ('${claims["kubernetes.io"]["namespace"]}', "data"),
        ('${claims.a-b["c}d"]}', "x"),
    ],
)
def test_references_stand_for_claims(text: str, caller_id: str) -> None:
    """By name, and in quotes whatever the name is; all else stands for itself."""
    assert parse(text).rendered(_CLAIMS) == caller_id


@pytest.mark.parametrize("text", ["${claims.sub.more}", "${claims.nope}", "${claims.n}", '${claims["kubernetes.io"]}'])
def test_a_claim_that_is_no_text_makes_no_id(text: str) -> None:
    """Nor does one that is not there, whatever is around it."""
    with pytest.raises(UnusableClaim):
        parse(f"user:{text}").rendered(_CLAIMS)


@pytest.mark.parametrize(
    ("text", "a", "b"),
    [
        ("${claims.a}-${claims.b}", "x-y", "z"),
        ("${claims.a}.of.${claims.b}", "x.y", "z"),
        ("${claims.a} at ${claims.b}", "x y", "z"),
        ("${claims.a}:${claims.b}", "x/y", "z"),
        ("${claims.a}:${claims.b}", " x", "z"),
        ("${claims.a}:${claims.b}", "x", "z "),
        ("${claims.a}:${claims.b}", "x", "\tz"),
        ("${claims.a}:${claims.b}", "x", " "),
    ],
)
def test_a_claim_that_would_blur_the_id_makes_none(text: str, a: str, b: str) -> None:
    """It holds what ends it, or begins or ends with a blank: another pair of claims could make the same id."""
    with pytest.raises(UnusableClaim):
        parse(text).rendered({"a": a, "b": b})


_PIECES = st.text("xy-.: ", min_size=1, max_size=4)


@given(
    st.sampled_from(["${claims.a}-${claims.b}", "s:${claims.a}.-${claims.b}", "${claims.a} ${claims.b}:"]),
    st.tuples(_PIECES, _PIECES),
    st.tuples(_PIECES, _PIECES),
)
def test_two_pairs_are_two_callers(text: str, one: tuple[str, str], other: tuple[str, str]) -> None:
    """Whatever the claims, those that make the same id are the same."""
    made = []
    for a, b in (one, other):
        with contextlib.suppress(UnusableClaim):
            made.append(parse(text).rendered({"a": a, "b": b}))
    assert len(set(made)) == len(made) or one == other


def test_only_what_follows_a_claim_is_barred_from_it() -> None:
    """The last claim may hold what stands between the others."""
    assert parse("${claims.a}-${claims.b}").rendered({"a": "x.y", "b": "z-z z"}) == "x.y-z-z z"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "admin",
        "$$",
        "${claims}",
        "${claims.}",
        "${claims.sub",
        "${claims.sub }",
        "${claims..sub}",
        "${claims.0}",
        "${claims['sub']}",
        '${claims[""]}',
        '${claims["a]}',
        "${sub}",
        "$claims.sub",
        "${claims.sub}|",
        "${claims.sub}\n",
        "${claims.sub}$$",
        "${claims.a}${claims.b}",
        "user:${claims.a}-${claims.b}${claims.c}",
    ],
)
def test_what_is_no_template(text: str) -> None:
    """It is refused where it is read: a slip must not make one caller of all."""
    with pytest.raises(ValueError, match=r"claim|cannot be in a caller's id"):
        parse(text)
