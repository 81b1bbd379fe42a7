"""PolicyTest documents → cases that can be run, or every mistake in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_client.documents import DocumentError, parse_message
from emrgateway_server import yamlmodel
from emrgateway_server.caller import Caller
from emrgateway_server.errors import InvalidRequest
from emrgateway_server.policy import Prices, fields
from emrgateway_server.policy.field import Field, Scalar, shown
from emrgateway_server.policytool import inputs
from emrgateway_server.policytool.arguments import day
from emrgateway_server.policytool.testform import Case as CaseForm
from emrgateway_server.policytool.testform import CaseCaller, SuiteShell
from emrgateway_server.yamlfile import Document, Path, Problem

KIND = "PolicyTest"

# What a run's caller asks about it. To watch one is to get it again and again.
_Message: TypeAlias = type[pb.GetJobRunRequest] | type[pb.ListJobRunsRequest] | type[pb.CancelJobRunRequest]
_MESSAGES: Mapping[str, _Message] = {
    "get": pb.GetJobRunRequest,
    "list": pb.ListJobRunsRequest,
    "cancel": pb.CancelJobRunRequest,
    "watch": pb.GetJobRunRequest,
}
_PART = re.compile(r"\[([0-9]+)\]|\[\"((?:[^\"\\]|\\.)*)\"\]|\.?([^.\[\]]+)")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A field that policy must change, and what it must make of it."""

    field: Field
    value: Scalar


@dataclass(frozen=True, slots=True)
class Case:
    """One case, ready to run. `request` is in AWS's form, and is a StartJobRun where `action` is start."""

    suite: str
    form: CaseForm
    document: Document
    path: Path
    caller: Caller
    owner: Caller | None
    request: Mapping[str, object]
    today: date | None
    changed: tuple[Wanted, ...]

    @property
    def name(self) -> str:
        """Its name within its document."""
        return self.form.name

    @property
    def place(self) -> tuple[str, int]:
        """The file and the line where it begins."""
        where = self.document.problem(self.path, "")
        return where.file, where.line


def load(documents: Sequence[Document], prices: Prices | None) -> tuple[list[Case], list[Problem]]:
    """The cases of all PolicyTest documents, in their order, and every mistake in these."""
    cases: list[Case] = []
    problems: list[Problem] = []
    names: dict[str, Problem] = {}
    for document in documents:
        if document.at(("kind",)) != KIND:
            continue
        shell, found = yamlmodel.parsed(SuiteShell, document)
        problems += found
        if shell is None:
            continue
        name = shell.metadata.name
        if name in names:
            first = names[name]
            message = f"{name!r} is the name of the tests in {first.file}:{first.line} already"
            problems.append(document.problem(("metadata", "name"), message))
        names.setdefault(name, document.problem(("metadata", "name"), ""))
        loader = _Loader(document, name, prices, problems)
        cases += [case for index in range(len(shell.cases)) if (case := loader.case(index))]
    return cases, problems


class _Loader:
    """Reads the cases of one document."""

    def __init__(self, document: Document, suite: str, prices: Prices | None, problems: list[Problem]) -> None:
        self._document = document
        self._suite = suite
        self._prices = prices
        self._problems = problems

    def case(self, index: int) -> Case | None:
        """One case; None where it has a mistake."""
        path: Path = ("cases", index)
        form, found = yamlmodel.parsed(CaseForm, self._document, at=path)
        self._problems += found
        if form is None or found:
            return None
        before = len(self._problems)
        request = self._request(form, (*path, "request"))
        changed = tuple(self._wanted(form, (*path, "want", "changed")))
        if len(self._problems) > before:
            return None
        caller = _caller(form.caller)
        owner = None if form.owner == "nobody" else _caller(form.owner or form.caller)
        return Case(
            suite=self._suite,
            form=form,
            document=self._document,
            path=path,
            caller=caller,
            owner=owner,
            request=request,
            today=day(form.now) if form.now else None,
            changed=changed,
        )

    def _request(self, form: CaseForm, path: Path) -> Mapping[str, object]:
        """The request in AWS's form. Mistakes are told where they stand."""
        value = self._document.at(path)
        try:
            if form.action == "start":
                return inputs.original(parse_message(value, pb.StartJobRunRequest))
            message = parse_message(value, _MESSAGES[form.action])
        except DocumentError as error:
            for problem in error.problems:
                self._note(path, problem.path, problem.message)
            return {}
        except InvalidRequest as error:
            for violation in error.violations:
                self._note(path, violation.field, violation.description)
            return {}
        if not message.application_id:
            self._note(path, "application_id", "is required: grants speak of applications")
        return {"applicationId": message.application_id}

    def _wanted(self, form: CaseForm, path: Path) -> Iterator[Wanted]:
        for name, given in form.want.changed.items():
            text = shown(given) if isinstance(given, bool) else self._document.texts.get((*path, name), str(given))
            try:
                field = fields.find(name, self._prices)
                if not field.writable:
                    raise ValueError(f"{name} cannot be amended, so no policy changes it")  # noqa: TRY301 - as find's
                yield Wanted(field, field.value_of(text))
            except ValueError as error:
                self._problems.append(self._document.problem((*path, name), str(error), at_key=True))

    def _note(self, path: Path, place: str, message: str) -> None:
        place = "" if place == "request" else place
        told = f"the request: {place}: {message}" if place else f"the request: {message}"
        self._problems.append(self._document.problem(self._located(path, place), told))

    def _located(self, path: Path, place: str) -> Path:
        """Where in the document a place in a request is, whichever way either is spelled; as near as can be told."""
        value = self._document.at(path)
        for index, quoted, name in _PART.findall(place):
            part = int(index) if index else _key(value, quoted or name)
            if part is None:
                break
            path = (*path, part)
            value = self._document.at(path)
        return path


def _caller(form: CaseCaller) -> Caller:
    return Caller(form.id, dict(form.labels))


def _key(value: object, name: str) -> str | None:
    """A mapping's key that is `name`, in AWS's camelCase or in snake_case."""
    if not isinstance(value, dict):
        return None
    if name in value:
        return name
    return next((key for key in value if _squeezed(key) == _squeezed(name)), None)


def _squeezed(name: str) -> str:
    return name.replace("_", "").casefold()
