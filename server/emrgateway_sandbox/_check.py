"""Checks a value against botocore's shapes: types, required, sizes, ranges, enums, patterns, unions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from . import _model

_TYPES: Final[Mapping[str, type[Any]]] = {
    "boolean": bool,
    "integer": int,
    "list": list,
    "long": int,
    "map": dict,
    "string": str,
    "structure": dict,
    "timestamp": datetime,
}
_SHOWN_CHARACTERS: Final = 64


class Check:
    """Walks a value along its shape; `violations` says in AWS's words what is wrong with it, all of it."""

    def __init__(self) -> None:
        self.violations: list[str] = []

    def value(self, shape_name: str, value: Any, path: str = "", *, sensitive: bool = False) -> Any:  # noqa: ANN401 - any JSON
        """Check `value`, found at `path`; give it back without unknown members and nulls."""
        shape = _model.shape(shape_name)
        kind = shape["type"]
        sensitive = sensitive or shape.get("sensitive", False)
        # bool is an int to Python, not to JSON.
        if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
            self._violation(path, f"be of type {kind}")
        elif kind == "structure":
            return self._structure(shape, value, path, sensitive=sensitive)
        elif kind == "list":
            self._bounds(shape, "length", len(value), path)
            item = shape["member"]["shape"]
            return [self.value(item, entry, f"{path}[{n}]", sensitive=sensitive) for n, entry in enumerate(value)]
        elif kind == "map":
            self._bounds(shape, "length", len(value), path)
            return self._map(shape, value, path, sensitive=sensitive)
        elif kind == "string":
            self._string(shape, value, path, shown=None if sensitive else value)
        elif kind in {"integer", "long"}:
            self._bounds(shape, "value", value, path, shown=None if sensitive else str(value))
        return value

    def _structure(self, shape: _model.Shape, value: dict[str, Any], path: str, *, sensitive: bool) -> dict[str, Any]:
        prefix = f"{path}." if path else ""
        for name in shape.get("required", ()):
            if value.get(name) is None:
                self._violation(prefix + name, "not be null")
        cleaned = {
            name: self.value(member["shape"], value[name], prefix + name, sensitive=sensitive)
            for name, member in shape["members"].items()
            if value.get(name) is not None
        }
        if shape.get("union") and len(cleaned) != 1:
            self._violation(path, f"have exactly one of {', '.join(shape['members'])}")
        return cleaned

    def _map(self, shape: _model.Shape, value: dict[str, Any], path: str, *, sensitive: bool) -> dict[str, Any]:
        key_shape, value_shape = shape["key"]["shape"], shape["value"]["shape"]
        cleaned = {}
        for key, item in value.items():
            entry = f"{path}.{'*' if sensitive else key}"
            self.value(key_shape, key, f"{entry} (key)", sensitive=sensitive)
            cleaned[key] = self.value(value_shape, item, entry, sensitive=sensitive)
        return cleaned

    def _string(self, shape: _model.Shape, value: str, path: str, *, shown: str | None) -> None:
        self._bounds(shape, "length", len(value), path, shown=shown)
        if "pattern" in shape and not _model.pattern(shape["pattern"]).fullmatch(value):
            self._violation(path, f"satisfy regular expression pattern: {shape['pattern']}", shown=shown)
        if "enum" in shape and value not in shape["enum"]:
            self._violation(path, f"satisfy enum value set: [{', '.join(shape['enum'])}]", shown=shown)

    def _bounds(self, shape: _model.Shape, what: str, size: int, path: str, *, shown: str | None = None) -> None:
        if "min" in shape and size < shape["min"]:
            self._violation(path, f"have {what} greater than or equal to {shape['min']}", shown=shown)
        if "max" in shape and size > shape["max"]:
            self._violation(path, f"have {what} less than or equal to {shape['max']}", shown=shown)

    def _violation(self, path: str, rule: str, *, shown: str | None = None) -> None:
        # AWS repeats a value that it refuses and that its model does not call sensitive, so its callers must scrub
        # the message: the sandbox repeats it too, or they would never find out that they do not.
        value = "" if shown is None else f" '{shown[:_SHOWN_CHARACTERS]}'"
        self.violations.append(f"Value{value} at '{path}' failed to satisfy constraint: Member must {rule}")
