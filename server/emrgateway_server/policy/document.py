"""The form of a policy document: what a YAML file may say, before it is compiled."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from emrgateway_server.yamlmodel import Part

API_VERSION = "emrgateway/v1"
ACTIONS = ("start", "get", "list", "cancel", "watch")

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Scalar = str | bool | int | float
Finite = Annotated[float, Field(allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[tuple[Text, ...], Field(min_length=1)]
Scalars = Annotated[tuple[Scalar, ...], Field(min_length=1)]


class DocumentPart(Part):
    """A mapping of a policy document, of which no key stands without a value."""

    @field_validator("*", mode="before")
    @classmethod
    def _is_given(cls, value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        """`allow:` with its items commented out must not allow everything, nor `match:` speak of everyone."""
        if value is None:
            raise ValueError("a key without a value: give it one, or leave it out")
        return value


class Match(DocumentPart):
    """Whom and what it speaks of: or within a list, and between lists; left out: everyone, everywhere."""

    callers: Texts | None = None
    applications: Texts | None = None
    labels: dict[str, Texts] | None = None

    @field_validator("labels", mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        if isinstance(value, dict):
            return {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}
        return value


# What stands for a required part that is missing or bad while the mistakes of the rest are looked for.
STAND_INS: dict[str, dict[str, object]] = {
    "Shell": {"apiVersion": API_VERSION, "kind": "Policy", "metadata": {"name": "unnamed"}},
    "Grant": {"actions": ["get"], "applications": ["**"]},
    "Rule": {"id": "unnamed"},
    "Exemption": {
        "rules": ["unnamed"],
        "callers": ["**"],
        "until": "2000-01-01",
        "reason": "unknown",
        "approved_by": "unknown",
    },
}


class Grant(DocumentPart):
    """What is allowed at all; grants add up, and one alone must cover a request."""

    actions: Annotated[tuple[Literal[ACTIONS], ...], Field(min_length=1)]  # type: ignore[valid-type]
    applications: Texts
    roles: Texts | None = None
    runs: Annotated[str, Field(pattern=r"^(own|all|label:[A-Za-z0-9_-]+)$")] = "own"
    match: Match | None = None


class Rule(DocumentPart):
    """One constraint on one field, and what to do about it."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,63}$")]
    field: Text | None = None
    set: Scalar | None = None
    default: Scalar | None = None
    fixed: Scalar | None = None
    required: bool = False
    forbidden: bool = False
    allow: Scalars | None = None
    deny: Scalars | None = None
    pattern: Text | None = None
    min: int | Finite | Text | None = None
    max: int | Finite | Text | None = None
    otherwise: Literal["deny", "clamp"] = "deny"
    mode: Literal["enforce", "warn", "audit"] | None = None
    why: str = ""
    match: Match | None = None
    when: Text | None = None
    check: Text | None = None


class Exemption(DocumentPart):
    """One exception: rules that are as if absent for some callers, for a time, and who answers for it."""

    rules: Texts
    callers: Texts
    until: Text
    reason: Text
    approved_by: Text

    @field_validator("until")
    @classmethod
    def _is_a_date(cls, until: str) -> str:
        if not _DATE.fullmatch(until):
            raise ValueError(f"{until!r} is no date: write YYYY-MM-DD, the last day on which it holds (UTC)")
        date.fromisoformat(until)
        return until


class Metadata(DocumentPart):
    """Name and owner of a document."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$")]
    owner: str = ""

    @field_validator("name")
    @classmethod
    def _not_reserved(cls, name: str) -> str:
        if name in ("grant", "builtin"):
            raise ValueError(f"the name {name!r} is the built-in rules'")
        return name


class Shell(DocumentPart):
    """One `kind: Policy` document, its parts unread: a bad grant, rule or exception hides no mistake of another."""

    api_version: Annotated[Literal["emrgateway/v1"], Field(alias="apiVersion")]
    kind: Literal["Policy"]
    metadata: Metadata
    match: Match | None = None
    grants: tuple[Any, ...] = ()
    rules: tuple[Any, ...] = ()
    mode: Literal["enforce", "warn", "audit"] = "enforce"
    exceptions: tuple[Any, ...] = ()
