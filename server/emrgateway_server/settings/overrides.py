"""`EMR_GATEWAY_<PATH>` over what the file says."""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

from emrgateway_server import yamlfile, yamlmodel
from emrgateway_server.settings.sections import Settings
from emrgateway_server.yamlfile import Document

ENVIRONMENT_PREFIX = "EMR_GATEWAY_"


def override(document: Document, environment: Mapping[str, str]) -> None:
    """Put each variable that names a scalar over it."""
    for variable, text in sorted(environment.items()):
        if variable.startswith(ENVIRONMENT_PREFIX):
            parts = variable.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
            found = _scalar_at(Settings, document.value, parts)
            if found is not None:
                path, is_text = found
                document.override(path, text if is_text and text != "null" else yamlfile.scalar(text), variable)


def _scalar_at(model: object, value: object, parts: list[str]) -> tuple[yamlfile.Path, bool] | None:
    """The path that a variable names and whether a string stands there, or None where it names no scalar."""
    path: yamlfile.Path = ()
    in_list = False
    for part in parts:
        if in_list:
            if not (part.isascii() and part.isdigit() and isinstance(value, list) and int(part) < len(value)):
                return None
            path, value, in_list = (*path, int(part)), value[int(part)], False
            continue
        fields = getattr(model, "model_fields", {})
        if part not in fields or not (value is None or isinstance(value, dict)):
            return None
        if value is None and path and isinstance(path[-1], int):
            return None
        path, value = (*path, part), (value or {}).get(part)
        annotation = fields[part].annotation
        model, in_list = yamlmodel.model_in(annotation), _is_list(annotation)
        if _is_mapping(annotation):
            return None
        if model is None and not in_list:
            is_last = len(path) == len(parts)
            return (path, _holds_text(annotation)) if is_last and not isinstance(value, dict | list) else None
    return None


def _is_list(annotation: object) -> bool:
    return get_origin(annotation) is tuple or any(_is_list(inner) for inner in _branches(annotation))


def _is_mapping(annotation: object) -> bool:
    return get_origin(annotation) is dict


def _branches(annotation: object) -> tuple[object, ...]:
    """What an optional or annotated type wraps."""
    return get_args(annotation) if get_origin(annotation) in (Annotated, UnionType, Union) else ()


def _holds_text(annotation: object) -> bool:
    members = getattr(annotation, "__args__", (annotation,))
    return any(member is str or isinstance(member, str) or _is_annotated_text(member) for member in members)


def _is_annotated_text(annotation: object) -> bool:
    return getattr(annotation, "__origin__", None) is str or any(
        argument is str for argument in getattr(annotation, "__args__", ())
    )
