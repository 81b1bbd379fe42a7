"""Requests as people write them: YAML or JSON, in AWS's own camelCase or the proto's snake_case.

A document that boto3's `start_job_run(**document)` takes is read as it stands. Beyond AWS's forms, those of proto JSON
are read too, so that what `emr-gateway job ... -o json` prints can be sent again: the proto's names of enum values,
`{"values": [...]}` for a list within a map, a 64-bit number in quotes.

The reader is strict, because a member that is dropped, or a `no` that became a boolean, is a job that runs with other
settings than its author reads on the page. It reports everything that is wrong at once.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from emrgateway.v1.job_run_service_pb2 import StartJobRunRequest
from emrgateway_client import _json, _yaml
from emrgateway_client._parse import parse
from emrgateway_client._tree import At, Mark, Node, Problem, from_value

if TYPE_CHECKING:
    from google.protobuf.message import Message

__all__ = ["MAX_DOCUMENT_BYTES", "DocumentError", "Problem", "load_request", "parse_message", "read_request"]

MAX_DOCUMENT_BYTES: Final = 8 * 1024 * 1024  # the server's transport takes no larger message

_MessageT = TypeVar("_MessageT", bound="Message")


class DocumentError(ValueError):
    """A document that is no request; `problems` holds everything that is wrong with it, in the document's order.

    Its text is a line a problem, `NAME:LINE:COLUMN: error: PATH: MESSAGE`, without the parts that are not known.
    """

    def __init__(self, name: str, problems: tuple[Problem, ...]) -> None:
        super().__init__(name, problems)
        self.name = name
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self._line(problem) for problem in self.problems)

    def _line(self, problem: Problem) -> str:
        where = [self.name]
        if problem.line is not None:
            where += [str(problem.line), str(problem.column)]
        path = f"{problem.path}: " if problem.path else ""
        return f"{':'.join(where)}: error: {path}{problem.message}"


def load_request(path: str | os.PathLike[str]) -> StartJobRunRequest:
    """Read the request in a file: UTF-8, at most 8 MiB; a name that ends in `.json` says that it is JSON.

    Raises `DocumentError` for what it holds, `OSError` where it cannot be read.
    """
    name = os.fspath(path)
    with Path(path).open("rb") as file:
        data = file.read(MAX_DOCUMENT_BYTES + 1)
    return read_request(data, name=name)


def read_request(text: str | bytes, *, name: str) -> StartJobRunRequest:
    """Read a request; `name` is what errors call the document. Raises `DocumentError`.

    `clientToken` may be left out: the client fills it.
    """
    problems: list[Problem] = []
    request = StartJobRunRequest()
    node = _read(text, name, problems)
    if node is not None:
        parse(node, request, At(problems))
    _raise_if_any(name, problems)
    return request


def parse_message(value: object, message_class: type[_MessageT], *, name: str = "request") -> _MessageT:
    """Make a message of plain values (a mapping, as boto3 takes it), by the rules of documents.

    Works for any message of `emrgateway.v1`. Raises `DocumentError`, in which `name` stands for the value.
    """
    problems: list[Problem] = []
    message = message_class()
    parse(from_value(value), message, At(problems))
    _raise_if_any(name, problems)
    return message


def _raise_if_any(name: str, problems: list[Problem]) -> None:
    if problems:
        # Stable, so that problems without a place keep the order in which they were met.
        ordered = sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0))
        raise DocumentError(name, tuple(ordered))


def _read(text: str | bytes, name: str, problems: list[Problem]) -> Node | None:
    decoded = _decode(text, problems)
    if decoded is None:
        return None
    try:
        return _json.read(decoded)
    except json.JSONDecodeError as error:
        return _read_yaml(decoded, name, error, problems)
    except RecursionError:
        At(problems).add("nested too deep")
        return None


def _decode(text: str | bytes, problems: list[Problem]) -> str | None:
    try:
        data = text.encode() if isinstance(text, str) else text
        if len(data) > MAX_DOCUMENT_BYTES:
            At(problems).add(f"larger than {MAX_DOCUMENT_BYTES} bytes, the most that can be sent")
            return None
        return data.decode("utf-8-sig")
    except UnicodeError as error:
        At(problems).add(f"not UTF-8, at offset {getattr(error, 'start', 0)}")
        return None


def _read_yaml(text: str, name: str, json_error: json.JSONDecodeError, problems: list[Problem]) -> Node | None:
    json_says = f"not JSON: {json_error.msg}"
    json_mark = Mark(json_error.lineno, json_error.colno)
    if name.lower().endswith(".json"):
        At(problems).add(json_says, json_mark)
        return None
    try:
        return _yaml.read(text)
    except _yaml.DocumentSyntaxError as error:
        At(problems).add(error.message, error.mark)
        if text.lstrip().startswith("{"):
            At(problems).add(json_says, json_mark)
        return None
