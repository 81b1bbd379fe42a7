"""YAML documents → pydantic models, each mistake in the words of someone who edits a file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails

from emrgateway_server.yamlfile import Document, Path, Problem, dotted

_Model = TypeVar("_Model", bound=BaseModel)
_NOTHING = object()


class Part(BaseModel):
    """A mapping of a file: strict, frozen, and with no key that is not its model's."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        """Frozen models hold tuples; strict pydantic takes no list for one."""
        if isinstance(value, dict):
            return {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}
        return value


def parsed(
    model: type[_Model],
    document: Document,
    *,
    at: Path = (),
    context: Mapping[str, object] | None = None,
    stand_ins: Mapping[str, object] | None = None,
) -> tuple[_Model | None, list[Problem]]:
    """A document, or what stands in it at a path, as a pydantic model, and its mistakes.

    With mistakes, the model is what the rest of it says, so that more mistakes can be found in that; None where the
    rest makes no model. `stand_ins` stand for required keys that are missing or bad; what follows from them is no
    mistake, which `document.is_told` knows. `context` reaches the model's validators.
    """
    value = document.at(at)
    try:
        return model.model_validate(value, context=dict(context or {})), []
    except ValidationError as error:
        items = error.errors(include_url=False)
    locations = [_location(document, at, item["loc"], item["type"]) for item in items]
    unknown = {place for item, place in zip(items, locations, strict=True) if item["type"] == "extra_forbidden"}
    problems = [
        _explained(document, model, item, location, at)
        for index, (item, location) in enumerate(zip(items, locations, strict=True))
        # A value that fits no branch of a union is one mistake: the first branch tells it.
        if location not in locations[:index] and not _is_told(item, location, locations, unknown, document)
    ]
    document.told.update(locations)
    try:
        rest = _filled(_without(value, at, {*locations, *document.spoiled}), stand_ins or {})
        return model.model_validate(rest, context=dict(context or {})), problems
    except ValidationError:
        return None, problems


def looks_like(name: str, allowed: Iterable[str]) -> bool:
    """Whether a key may be a misspelling of one of those allowed: then it is one mistake, not two.

    A merge key, which is not allowed, may have been meant to bring any of them.
    """
    return name == "<<" or bool(difflib.get_close_matches(name.lower(), allowed, n=1))


def _is_told(
    item: ErrorDetails, location: Path, locations: Sequence[Path], unknown: set[Path], document: Document
) -> bool:
    """Whether an error only follows from another one.

    Of an unreadable part, of a key that readers disagree on, of a list short of its bad items, or of a misspelt key.
    """
    inner = (path for path in locations if len(path) > len(location))
    if item["type"] == "too_short" and any(path[: len(location)] == location for path in inner):
        return True
    if item["type"] == "extra_forbidden" and location in document.told:
        return True
    if item["type"] == "missing":
        beside = [str(path[-1]) for path in unknown if path[:-1] == location[:-1]]
        if any(looks_like(name, [str(location[-1])]) for name in beside):
            return True
    return any(location[: len(path)] == path for path in document.spoiled)


def _without(value: object, path: Path, bad: set[Path]) -> object:
    """A value less its bad parts; in a list a good item stands for a bad one, so that the others keep their places."""
    if isinstance(value, dict):
        parts = {key: _without(item, (*path, key), bad) for key, item in value.items() if (*path, key) not in bad}
        return {key: item for key, item in parts.items() if item is not _NOTHING}
    if isinstance(value, list):
        good = next((index for index in range(len(value)) if (*path, index) not in bad), None)
        if value and good is None:
            return _NOTHING
        places = [good if (*path, index) in bad else index for index in range(len(value))]
        return [_without(value[place], (*path, place), bad) for place in places if place is not None]
    return value


def _filled(value: object, stand_ins: Mapping[str, object]) -> object:
    if not isinstance(value, dict):
        return value
    inner = {
        key: _filled(value[key], item) for key, item in stand_ins.items() if key in value and isinstance(item, dict)
    }
    return {**stand_ins, **value, **inner}


def _location(document: Document, at: Path, loc: tuple[int | str, ...], kind: str) -> Path:
    """Where in the document one of pydantic's errors is: its location less the names of union branches."""
    known = {path[:length] for path in document.overrides for length in range(len(path) + 1)} | document.marks.keys()
    path = at
    for part in loc[:-1]:
        path = (*path, part) if (*path, part) in known else path
    is_branch = loc[-1:] and kind not in ("extra_forbidden", "missing") and (*path, *loc[-1:]) not in known
    return path if is_branch else (*path, *loc[-1:])


def _explained(document: Document, model: type[BaseModel], item: ErrorDetails, location: Path, at: Path) -> Problem:
    """One of pydantic's errors in the words of someone who edits a file."""
    name = str(location[-1]) if location else "the document"
    where = dotted(location) or "the document"
    message = {
        "extra_forbidden": f"unknown key {name!r}; {_allowed_keys(model, location[len(at) : -1])}",
        "missing": f"missing key {name!r} in {dotted(location[:-1]) or 'the document'}",
        "model_type": f"{where} must be a mapping",
        "tuple_type": f"{where} must be a list",
        "list_type": f"{where} must be a list",
        "dict_type": f"{where} must be a mapping",
        "string_type": f"{where} must be a string: put it in quotes",
    }.get(item["type"])
    if message is None:
        text = item["msg"].removeprefix("Value error, ").removeprefix("Input ").replace("Tuple", "the list")
        message = f"{where}: {text if text[1:2].isupper() else text[:1].lower() + text[1:]}"
    at_key = item["type"] == "extra_forbidden" or item["loc"][-1:] == ("[key]",)
    return document.problem(location, message, at_key=at_key)


def _allowed_keys(model: type[BaseModel], location: Path) -> str:
    current: object = model
    for part in location:
        current = _inner(current, part)
    if isinstance(current, type) and issubclass(current, BaseModel):
        names = (info.alias or name for name, info in current.model_fields.items())
        return "allowed: " + ", ".join(names)
    return "see the documentation for the keys allowed here"


def _inner(current: object, part: str | int) -> object:
    """The model that stands at `part` of `current`, through optional, list and mapping types."""
    if isinstance(part, str) and isinstance(current, type) and issubclass(current, BaseModel):
        by_key = {info.alias or name: info.annotation for name, info in current.model_fields.items()}
        return model_in(by_key.get(str(part)))
    return current


def model_in(annotation: object) -> object:
    """The first pydantic model inside a type, through optional, list and mapping types; None where there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = model_in(argument)
        if found is not None:
            return found
    return None
