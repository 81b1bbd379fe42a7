"""What a request comes to. The Spark parameters are not read yet: rules on what they say are refused at load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Named:
    """One value named somewhere in a request: `place` says where, and never holds the value."""

    value: str
    place: str
    sensitive: bool


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that readers of the parameters disagree on."""

    kind: str
    place: str
    message: str


@dataclass(frozen=True)
class Reading:
    """One way to read a request."""

    conf: Mapping[str, Named] = field(default_factory=dict)

    def number(self, path: str) -> float:
        """A derived size."""
        raise ValueError(path)


@dataclass(frozen=True)
class Facts:
    """All that is derived from one request."""

    is_spark: bool
    troubles: tuple[Trouble, ...] = ()
    readings: tuple[Reading, ...] = (Reading(),)
    classifications: tuple[Named, ...] = ()


class CannotAmend(Exception):
    """Why a setting cannot be amended, and what to do."""


def read(request: Mapping[str, Any]) -> Facts:
    """What a request comes to."""
    return Facts("sparkSubmit" in request.get("jobDriver", {}))


def amended(request: Mapping[str, Any], key: str, value: str) -> dict[str, Any]:
    """The request with a Spark setting amended."""
    raise CannotAmend(f"{key} cannot be amended yet in {len(request)} members to {len(value)} characters")


def conf_number(key: str, text: str) -> float:
    """A setting's value as a number."""
    raise ValueError(f"{key} {text}")


def conf_default(key: str, conf: Mapping[str, Named]) -> float | None:
    """What an unset setting counts as."""
    return None if key not in conf else 0.0
