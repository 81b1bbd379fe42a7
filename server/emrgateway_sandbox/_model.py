"""botocore's own model of EMR Serverless: which requests are which operation, and what their shapes allow."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, cast
from urllib.parse import unquote

from botocore.loaders import Loader

Shape = Mapping[str, Any]  # one shape of service-2.json, as it stands there

OFFERED: Final = (
    "CancelJobRun",
    "GetDashboardForJobRun",
    "GetJobRun",
    "ListJobRunAttempts",
    "ListJobRuns",
    "StartJobRun",
)


@dataclass(frozen=True, slots=True)
class Route:
    """Where one operation is found: its method, its path with the URI's members as named groups, its input's shape."""

    operation: str
    method: str
    path: re.Pattern[str]
    input_shape: str


@cache
def service() -> Mapping[str, Any]:
    """Load the model that botocore ships (service-2.json)."""
    return cast("Mapping[str, Any]", Loader().load_service_model("emr-serverless", "service-2"))


def shape(name: str) -> Shape:
    """Give a shape of the model by its name."""
    return cast("Shape", service()["shapes"][name])


@cache
def pattern(regex: str) -> re.Pattern[str]:
    r"""Compile a shape's pattern, to be matched in full.

    `.` spans newlines, for AWS's documentation sends multi-line parameters under `.*\S.*`; classes are ASCII, for the
    patterns are Java's.
    """
    return re.compile(regex, re.DOTALL | re.ASCII)


@cache
def routes() -> tuple[Route, ...]:
    """Give the routes of the operations offered."""
    return tuple(_route(service()["operations"][name]) for name in OFFERED)


def _route(operation: Mapping[str, Any]) -> Route:
    path = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", operation["http"]["requestUri"])
    return Route(operation["name"], operation["http"]["method"], re.compile(path), operation["input"]["shape"])


def uri_members(route: Route, path: str) -> dict[str, str] | None:
    """Read the URI's members off a percent-encoded path; None if the path is another operation's."""
    match = route.path.fullmatch(path)
    return None if match is None else {name: unquote(value) for name, value in match.groupdict().items()}
