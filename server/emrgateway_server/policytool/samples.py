"""What replay judges: the requests of audits, and those of plain files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_client.documents import DocumentError, parse_message
from emrgateway_server import translate
from emrgateway_server.caller import Caller
from emrgateway_server.errors import InvalidRequest, Violation
from emrgateway_server.judging import START
from emrgateway_server.policytool import decisionlog, inputs
from emrgateway_server.policytool.decisionlog import Damaged, Line, LoggedResult, Originals
from emrgateway_server.policytool.inputs import Unusable

_SUFFIXES = (".json", ".yaml", ".yml", ".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Sample:
    """One request. `source` says where it is from.

    `erased` are the JSON Pointers to what is missing in it; `invalid` is what AWS's model refuses in it: then there is
    no request. `recorded` is what the gateway once said, None where no gateway was asked.
    """

    source: str
    caller: Caller
    request: Mapping[str, Any]
    erased: tuple[str, ...] = ()
    invalid: tuple[Violation, ...] = ()
    recorded: LoggedResult | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """What should have been a sample, and why it is none."""

    message: str


def samples(files: Sequence[str], caller: Caller | None) -> Iterator[Sample | Unread]:
    """All that the files hold; `caller` asks for what stands in plain files. `Unusable` where there is no such file."""
    for name in files:
        base = Path(name)
        try:
            inside = sorted(each for each in base.iterdir() if each.suffix in _SUFFIXES) if base.is_dir() else [base]
            for file in inside:
                if decisionlog.is_log(file):
                    yield from _of_log(file)
                else:
                    yield _of_file(file, caller)
        except OSError as error:
            raise Unusable(f"{error.filename or name}: error: cannot be read: {error.strerror}") from error


def _of_file(file: Path, caller: Caller | None) -> Sample | Unread:
    if caller is None:
        raise Unusable(f"{file}: error: is no audit: say by --caller (and --label) who makes the request")
    try:
        message = inputs.request(str(file))
    except DocumentError as error:
        return Unread(str(error))
    return _checked(str(file), caller, message, None)


def _of_log(file: Path) -> Iterator[Sample | Unread]:
    originals = Originals(file)
    for number, line in decisionlog.read(file):
        source = f"{file}:{number}"
        if isinstance(line, Damaged):
            yield Unread(f"{source}: error: {line}")
            continue
        try:
            yield _of_line(source, line, originals)
        except DocumentError as error:
            places = ", ".join(problem.path or "request" for problem in error.problems)
            yield Unread(f"{source}: error: is no StartJobRun: {places}")


def _of_line(source: str, line: Line, originals: Originals) -> Sample:
    caller = Caller(line.input.caller.id, line.input.caller.labels)
    original = originals.of(line.decision_id)
    whole = original is not None or not line.erased
    message = parse_message(line.input.request if original is None else original, pb.StartJobRunRequest)
    if whole:
        return _checked(source, caller, message, line.result)
    request = {"clientToken": inputs.CLIENT_TOKEN, **translate.to_aws(message, START)}
    if not (request.get("applicationId") and request.get("executionRoleArn")):
        raise DocumentError(source, ())
    return Sample(source, caller, request, erased=tuple(line.erased), recorded=line.result)


def _checked(source: str, caller: Caller, message: pb.StartJobRunRequest, recorded: LoggedResult | None) -> Sample:
    try:
        return Sample(source, caller, inputs.original(message), recorded=recorded)
    except InvalidRequest as error:
        return Sample(source, caller, {}, invalid=error.violations, recorded=recorded)
