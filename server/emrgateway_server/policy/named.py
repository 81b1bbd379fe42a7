"""What is found in a request: a value and its place, or what its readers disagree on."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from emrgateway_server.policy.catalogue import is_known

KINDS = (
    "quotes",
    "backslash",
    "blanks",
    "control",
    "dashes",
    "bare-token",
    "unknown-flag",
    "properties-file",
    "malformed",
    "duplicate-defaults",
)
PARAMETERS = "job_driver.spark_submit.spark_submit_parameters"
CONFIGURATION = "configuration_overrides.application_configuration"

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.$@*/-]{1,128}")


class Named(NamedTuple):
    """One value named somewhere in a request. `sensitive` is whether AWS's model marks the place so."""

    value: str
    where: str | Callable[[], str]
    sensitive: bool

    @property
    def place(self) -> str:
        """Where it stands, never the value; worked out when it is asked for, which few are."""
        return self.where if isinstance(self.where, str) else self.where()


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that readers of sparkSubmitParameters, or of spark-defaults, disagree on.

    `message` says what is wrong and the mend; it holds no value.
    """

    kind: str
    place: str
    message: str


def known_key(key: str) -> str:
    """A blank and a key of a sensitive map where it is known by name; else nothing, since it may be a secret."""
    return f" {key}" if is_known(key) else ""


def shown_key(key: str) -> str:
    """A key of a map that is not sensitive, as a text may name it: an odd one may be a secret in the wrong place."""
    return key if _PLAIN_KEY.fullmatch(key) else "(an odd key)"
