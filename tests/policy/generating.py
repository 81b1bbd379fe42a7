"""Policies, callers and requests out of few words, so that rules, callers and values meet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from math import inf
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import yaml

from . import naive_cel, naive_fields
from .support import STAMPS, document

Policies = list[dict[str, Any]]
_T = TypeVar("_T")

WORDS: Any = yaml.safe_load((Path(__file__).parent / "words.yaml").read_text(encoding="utf-8"))
# The day by which exceptions hold, and what capacity costs.
TODAY = date(2026, 11, 24)
PRICES = (0.05, 0.006, 0.0001)
_UNTIL = [TODAY - timedelta(1), TODAY, TODAY + timedelta(30)]
_OPEN = {"actions": ["start"], "applications": ["**"], "roles": ["**"]}


def documents(random: Random) -> Policies:
    """One to three policies, in any order."""
    names = some(random, ["a", "b", "c"], 3) if chance(random, 0.4) else ["a"]
    return [_document(random, name) for name in names]


def caller(random: Random) -> tuple[str, Mapping[str, str]]:
    """A caller's id and labels."""
    labels = {name: random.choice(values) for name, values in WORDS["labels"].items() if chance(random, 0.6)}
    return random.choice(WORDS["callers"]), labels


def stamps(random: Random) -> dict[str, str]:
    """The tags that the gateway puts on, or none."""
    return dict(STAMPS) if chance(random, 0.7) else {}


def chance(random: Random, probability: float) -> bool:
    """True as often as that."""
    return random.random() < probability


def some(random: Random, values: list[_T], most: int = 2) -> list[_T]:
    """One or more of them, no more than `most`."""
    return random.sample(values, random.randint(1, min(most, len(values))))


def _document(random: Random, name: str) -> dict[str, Any]:
    said = [_rule(random, f"r{number}") for number in range(random.choice([0, 1, 1, 1, 2, 2, 3, 4]))]
    rules = [rule for rule in said if _is_sound(rule)]
    parts: dict[str, Any] = {"rules": rules, **_narrowed(random, 0.2)}
    if chance(random, 0.7):
        parts["grants"] = [_OPEN] if chance(random, 0.6) else [_grant(random) for _ in range(random.randint(1, 2))]
    if rules and chance(random, 0.15):
        parts["exceptions"] = [_exception(random, [rule["id"] for rule in rules])]
    return document(name, **parts)


def _narrowed(random: Random, probability: float) -> dict[str, Any]:
    """Perhaps a match and a mode of its own."""
    match = {"match": _match(random)} if chance(random, probability) else {}
    return match | ({"mode": random.choice(["enforce", "warn", "audit"])} if chance(random, 0.2) else {})


def _match(random: Random) -> dict[str, Any]:
    labels = {name: some(random, WORDS["text_globs"]) for name in WORDS["labels"] if chance(random, 0.7)}
    return {
        **({"callers": some(random, WORDS["caller_globs"])} if chance(random, 0.5) else {}),
        **({"applications": some(random, WORDS["application_globs"])} if chance(random, 0.4) else {}),
        **({"labels": labels} if labels and chance(random, 0.4) else {}),
    }


def _grant(random: Random) -> dict[str, Any]:
    return {
        "actions": random.choice([["start"], ["start", "get"], ["get"]]),
        "applications": some(random, WORDS["application_globs"]),
        "roles": some(random, WORDS["role_globs"]),
        **({"match": _match(random)} if chance(random, 0.4) else {}),
    }


def _exception(random: Random, ids: list[str]) -> dict[str, Any]:
    return {
        "rules": some(random, ids),
        "callers": some(random, WORDS["caller_globs"]),
        "until": random.choice(_UNTIL).isoformat(),
        "reason": "X-1",
        "approved_by": "x",
    }


def _rule(random: Random, rule_id: str) -> dict[str, Any]:
    """One or two verbs on a field, or an expression alone; perhaps a condition."""
    said: dict[str, Any] = {"id": rule_id}
    if chance(random, 0.85):
        fields = WORDS[random.choice(["plain_fields", "derived_fields"])]
        field = random.choice(list(fields))
        said["field"] = field.strip()
        for _ in range(random.choice([1, 1, 2])):
            said |= _verb(random, field.strip(), fields[field])
    if "field" not in said or chance(random, 0.1):
        said["check"] = random.choice(list(naive_cel.EXPRESSIONS))
    if chance(random, 0.15):
        said["when"] = random.choice(list(naive_cel.EXPRESSIONS))
    return said | _narrowed(random, 0.25)


def _verb(random: Random, field: str, words: Mapping[str, Any]) -> dict[str, Any]:
    can = ["set", "default", "default", "default", "fixed"] if "values" in words else []
    can += ["allow", "deny", "pattern"] if "globs" in words else []
    can += ["bounds", "bounds"] if "bounds" in words else []
    can += ["required", "forbidden"] if field not in naive_fields.NUMBERS else []
    verb = random.choice(can)
    if verb in ("required", "forbidden"):
        return {verb: True}
    if verb in ("allow", "deny"):
        return {verb: some(random, words["globs"])}
    if verb == "pattern":
        return {verb: random.choice(WORDS["patterns"])}
    return _bounds(random, words) if verb == "bounds" else {verb: random.choice(words["values"])}


def _bounds(random: Random, words: Mapping[str, Any]) -> dict[str, Any]:
    least, most = sorted(random.choices(range(len(words["bounds"])), k=2))
    said = {"min": words["bounds"][least], "max": words["bounds"][most]}
    if chance(random, 0.7):
        del said[random.choice(["min", "max"])]
    clamps = {"otherwise": "clamp"} if "values" in words and chance(random, 0.8) else {}
    return said | clamps


def _is_sound(rule: Mapping[str, Any]) -> bool:
    """Not one that the loader refuses for what it says in itself."""
    least, most = (naive_fields.bound(rule.get(verb, default)) for verb, default in (("min", -inf), ("max", inf)))
    return not ("required" in rule and "forbidden" in rule) and least <= most
