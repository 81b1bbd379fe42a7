"""The template of a caller's id: what stands for what."""

from __future__ import annotations

import pytest

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
    ],
)
def test_what_is_no_template(text: str) -> None:
    """It is refused where it is read: a slip must not make one caller of all."""
    with pytest.raises(ValueError, match=r"claim|cannot be in a caller's id"):
        parse(text)
