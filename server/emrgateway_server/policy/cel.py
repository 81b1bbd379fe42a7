"""`when` and `check`: CEL over the request, the caller and what is derived from the request.

Expressions are type-checked and tried when they are loaded. They are bounded by the evaluator itself (10,000 iterations
of comprehensions, 32 levels, RE2), and by `MAX_CHARACTERS`. An evaluation error comes back as a value that is true in
Python: only a BOOL counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any, Protocol

from cel_expr_python import cel

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_server.policy import derived

MAX_CHARACTERS = 4_096

_Type = cel.Type
_TEXTS = _Type.List(_Type.STRING)
_GIVEN = {
    "request": _Type(pb.StartJobRunRequest.DESCRIPTOR.full_name),
    "caller.id": _Type.STRING,
    "caller.labels": _Type.Map(_Type.STRING, _Type.STRING),
}
_LISTS = ("artifacts", "classifications", "destinations", "kms_keys", "roles", derived.PARAMETERS)
_NUMBERS = ("max_cost_usd", "max_runtime_minutes", "spark.max_disk_gb", "spark.max_memory_gb", "spark.max_vcpus")
CONF = "spark.conf"
DERIVED: frozenset[str] = frozenset({*_LISTS, *_NUMBERS, CONF})
_NOT_OF_PARAMETERS = frozenset({"classifications", "max_runtime_minutes"})

_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
# The checker knows no order between the two, the evaluator does: a derived number may be compared with 400, not with
# 400.0 alone.
_MIXED_NUMBERS = re.compile(
    r"found no matching overload for '_([<>]=?|[!=]=)_' applied to '\((double, int|int, double)\)'"
)
_BAD_PATTERN = "invalid regular expression"


class _Compiled(Protocol):
    def eval(self, activation: object) -> Any: ...  # noqa: ANN401 - CEL's own value

    def return_type(self) -> object: ...


class Expression:
    """One expression of type BOOL. `names` are the derived fields that it reads."""

    def __init__(self, source: str) -> None:
        """ValueError says everything that is wrong with it."""
        if len(source) > MAX_CHARACTERS:
            raise ValueError(f"an expression has at most {MAX_CHARACTERS:,} characters")
        self.source = source
        self._compiled = _compiled(source)
        self.names = frozenset(name for name in DERIVED if name in source and not _compiles_without(source, name))
        self.reads_request = "request" in source
        self.reads_parameters = bool(self.names - _NOT_OF_PARAMETERS)
        self.is_of_spark = any(name.startswith("spark.") for name in self.names)
        self._try()

    def holds(self, values: object) -> bool | None:
        """Whether it is true of these values (`activation` makes them); None where it cannot be told."""
        return _answer(self._compiled, values)

    def _try(self) -> None:
        """A run on a request that has little: what fails whatever the request must not wait for one."""
        try:
            result = self._compiled.eval(_sample())
        except RuntimeError as error:
            raise ValueError(f"cannot be evaluated: {error}") from error
        if result.type() == _Type.ERROR and _BAD_PATTERN in str(result.value()):
            raise ValueError(str(result.value()).partition(": ")[2])


@lru_cache(maxsize=4_096)
def expression(source: str) -> Expression:
    """An expression, compiled once however many rules say it, and however often they are loaded."""
    return Expression(source)


class Conjunction:
    """Expressions that are asked together: what they share, and the way to the evaluator, is paid for once."""

    def __init__(self, sources: Iterable[str]) -> None:
        """The sources of expressions, each of which compiles. Each has its own lines, since it may end in a comment."""
        try:
            self._compiled: _Compiled | None = _compiled(" && ".join(f"(\n{source}\n)" for source in sources))
        except ValueError:  # together they are beyond the compiler's bounds
            self._compiled = None

    def holds(self, values: object) -> bool:
        """Whether every one is true of these values; False, too, where only each alone can tell."""
        return self._compiled is not None and _answer(self._compiled, values) is True


def activation(values: Mapping[str, object]) -> object:
    """Values of the variables by name, for any number of expressions. One that is None is not there."""
    return _environment().Activation({name: value for name, value in values.items() if value is not None})


def _answer(compiled: _Compiled, values: object) -> bool | None:
    try:
        value = compiled.eval(values).value()
    except RuntimeError:  # how the binding tells what goes beyond the evaluator's bounds
        return None
    return value if isinstance(value, bool) else None


def _compiled(source: str) -> _Compiled:
    try:
        compiled: _Compiled = _environment().compile(source)
    except RuntimeError as error:
        mistakes = _ERROR.findall(str(error))
        if not mistakes or not all(_MIXED_NUMBERS.match(message) for _, _, message in mistakes):
            raise ValueError(_told(mistakes) or str(error).partition(" [")[0]) from error
        try:
            compiled = _environment(is_mixed=True).compile(source)
        except RuntimeError as again:
            raise ValueError(_told(_ERROR.findall(str(again)))) from again
    if compiled.return_type() != _Type.BOOL:
        raise ValueError(f"is of type {compiled.return_type()}, and must be BOOL")
    return compiled


def _told(mistakes: list[tuple[str, str, str]]) -> str:
    return "; ".join(
        f"{message} (line {line}, column {column} of the expression)" for line, column, message in mistakes
    )


def _compiles_without(source: str, name: str) -> bool:
    """Whether an expression reads no variable of this name: that is seen where there is none."""
    try:
        _environment(without=name, is_mixed=True).compile(source)
    except RuntimeError:
        return False
    return True


@cache
def _environment(*, is_mixed: bool = False, without: str = "") -> Any:  # noqa: ANN401 - CEL's classes have no types
    """The variables, less one; where numbers may be mixed, the derived ones are of whichever type."""
    number = _Type.DYN if is_mixed else _Type.DOUBLE
    variables = {
        **_GIVEN,
        **dict.fromkeys(_LISTS, _TEXTS),
        **dict.fromkeys(_NUMBERS, number),
        CONF: _Type.Map(_Type.STRING, _Type.STRING),
    }
    variables.pop(without, None)
    return cel.NewEnv(variables=variables, container="emrgateway.v1")


@cache
def _sample() -> object:
    return activation(
        {
            "request": pb.StartJobRunRequest(),
            "caller.id": "",
            "caller.labels": {},
            **{name: [] for name in _LISTS},
            **dict.fromkeys(_NUMBERS, 0.0),
            CONF: {},
        }
    )
