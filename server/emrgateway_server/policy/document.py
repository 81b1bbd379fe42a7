"""The form of a policy document: what a YAML file may say, before it is compiled."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

API_VERSION = "emrgateway/v1"
ACTIONS = ("start", "get", "list", "cancel", "watch")

Scalar = str | bool | int | float
Finite = Annotated[float, Field(allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[tuple[Text, ...], Field(min_length=1)]
Scalars = Annotated[tuple[Scalar, ...], Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        """Frozen documents hold tuples; strict pydantic takes no list for one."""
        if isinstance(value, dict):
            return {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}
        return value


class Match(_Part):
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


class Grant(_Part):
    """What is allowed at all; grants add up, and one alone must cover a request."""

    actions: Annotated[tuple[Literal[ACTIONS], ...], Field(min_length=1)]  # type: ignore[valid-type]
    applications: Texts
    roles: Texts | None = None
    runs: Annotated[str, Field(pattern=r"^(own|all|label:[A-Za-z0-9_-]+)$")] = "own"
    match: Match | None = None

    @model_validator(mode="after")
    def _start_names_roles(self) -> Grant:
        if "start" in self.actions and self.roles is None:
            raise ValueError('roles is required where start is among the actions; ["**"] says all')
        return self


class Rule(_Part):
    """One constraint on one field, and what to do about it."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,63}$")]
    field: Text
    set: Scalar = None  # type: ignore[assignment] # absent: no null is accepted in a file
    default: Scalar = None  # type: ignore[assignment] # as above
    fixed: Scalar = None  # type: ignore[assignment] # as above
    required: bool = False
    forbidden: bool = False
    allow: Scalars | None = None
    deny: Scalars | None = None
    pattern: Text | None = None
    min: int | Finite | None = None
    max: int | Finite | None = None
    otherwise: Literal["deny", "clamp"] = "deny"
    mode: Literal["enforce", "warn", "audit"] | None = None
    why: str = ""
    match: Match | None = None
    when: Any = None
    check: Any = None

    @field_validator("when", "check")
    @classmethod
    def _not_yet(cls, _: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        raise ValueError("CEL is not in this version yet")


class Metadata(_Part):
    """Name and owner of a document."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$")]
    owner: str = ""

    @field_validator("name")
    @classmethod
    def _not_reserved(cls, name: str) -> str:
        if name in ("grant", "builtin"):
            raise ValueError(f"the name {name!r} is the built-in rules'")
        return name


class Shell(_Part):
    """One `kind: Policy` document, its grants and rules unread: a bad one of them hides no mistake of another."""

    api_version: Annotated[Literal["emrgateway/v1"], Field(alias="apiVersion")]
    kind: Literal["Policy"]
    metadata: Metadata
    match: Match | None = None
    grants: tuple[Any, ...] = ()
    rules: tuple[Any, ...] = ()
    mode: Literal["enforce", "warn", "audit"] = "enforce"
    exceptions: Any = None

    @field_validator("exceptions")
    @classmethod
    def _not_yet(cls, _: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        raise ValueError("exceptions are not in this version yet")
