"""The form of a `kind: PolicyTest` document: what a YAML file may say, before its cases are run."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from emrgateway_server.caller import ID_PATTERN
from emrgateway_server.policy.document import ACTIONS, DocumentPart, Metadata, Scalar, Text
from emrgateway_server.policytool.arguments import day


class CaseCaller(DocumentPart):
    """Who asks, or whose run it is."""

    id: Annotated[str, Field(pattern=ID_PATTERN)]
    labels: dict[str, str] = Field(default_factory=dict)


class Want(DocumentPart):
    """What must come of it. Sets of rules are exact where they are given."""

    verdict: Literal["ALLOWED", "DENIED"]
    changed: dict[str, Scalar] = Field(default_factory=dict)
    denied_by: tuple[Text, ...] | None = None
    warned_by: tuple[Text, ...] | None = None
    audited_by: tuple[Text, ...] | None = None


class Case(DocumentPart):
    """One request, who makes it, and what must come of it."""

    name: Text
    caller: CaseCaller
    action: Literal[ACTIONS] = "start"  # type: ignore[valid-type]
    request: dict[str, Any]
    owner: CaseCaller | Literal["nobody"] | None = None
    now: str | None = None
    want: Want

    @field_validator("now")
    @classmethod
    def _is_a_time(cls, now: str | None) -> str | None:
        if now is not None:
            try:
                day(now)
            except ValueError:
                raise ValueError(f"{now!r} is no date or time: write 2026-11-01 or 2026-11-01T00:00:00Z") from None
        return now


class SuiteShell(DocumentPart):
    """One `kind: PolicyTest` document, its cases unread: a bad one hides no mistake of another."""

    api_version: Annotated[Literal["emrgateway/v1"], Field(alias="apiVersion")]
    kind: Literal["PolicyTest"]
    metadata: Metadata
    cases: Annotated[tuple[Any, ...], Field(min_length=1)]
