"""CEL expressions: what is refused when they are loaded, what they read, and how they end."""

from __future__ import annotations

import threading

import pytest

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_server.policy.cel import DERIVED, MAX_CHARACTERS, Conjunction, Expression, activation

_VALUES = activation({"request": pb.StartJobRunRequest(name="x"), "caller.id": "me", "caller.labels": {"team": "t"}})


@pytest.mark.parametrize("name", sorted(DERIVED))
def test_what_an_expression_reads(name: str) -> None:
    """Each derived field can be read, and is known to be; its name inside a text is no reading of it."""
    kind = "size()" if name.startswith(("spark.conf", "spark.par")) or "max" not in name else ""
    source = f"{name}.{kind} == 0" if kind else f"{name} == 0.0"
    assert Expression(source).names == {name}
    assert not Expression(f"request.name == '{name}'").names


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("request.name == 1", r"'\(string, int\)' \(line 1, column 14 of the expression\)"),
        ("true &&\n nope", "undeclared reference to 'nope'.*line 2, column 2"),
        ("spark.max_vcpus < 'x'", r"'\(double, string\)'"),
        ("request.execution_timeout_minutes > 5.5", r"'\(int, double\)'"),
        ("spark.max_vcpus < 4 && request.execution_timeout_minutes > 5.5", r"'\(int, double\)'"),
        ("spark.max_vcpus", "is of type DOUBLE, and must be BOOL"),
        ("dyn(request.name)", "is of type DYN, and must be BOOL"),
        ("'x'.matches('[')", "invalid regular expression"),
        ("(" * 40 + "true" + ")" * 40, "recursion limit"),
        ("true" + " " * MAX_CHARACTERS, "at most 4,096 characters"),
    ],
)
def test_what_is_refused(source: str, says: str) -> None:
    """A wrong type, an unknown name, a bad pattern, and what is beyond the bounds are told with their place."""
    with pytest.raises(ValueError, match=says):
        Expression(source)


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        ("request.name == 'x'", True),
        ("request.name != 'x'", False),
        ("caller.labels.nope == 'x'", None),
        ("1 / request.execution_timeout_minutes == 1", None),
        ("spark.max_vcpus < 1.0", None),  # not told: nothing stands for it
        ("request.name == 'x' || spark.max_vcpus < 1.0", True),
        ("request.name != 'x' && spark.max_vcpus < 1.0", False),
        ("spark.max_vcpus < 1", None),
    ],
)
def test_what_holds(source: str, holds: bool | None) -> None:  # noqa: FBT001 - a table's column
    """True and false as CEL has them; what errs is neither, though its value is true in Python."""
    assert Expression(source).holds(_VALUES) is holds


@pytest.mark.parametrize(
    ("sources", "holds"),
    [
        (["true // a comment ends with its line", "request.name == 'x'"], True),
        (["request.name == 'x' || false", "caller.id == 'me'"], True),
        (["true", "false"], False),
        (["false || true", "true", "1 / request.execution_timeout_minutes == 1"], False),
        (["true", "spark.max_vcpus < 400"], False),  # not told
        (["request.name == 'x' || spark.max_vcpus < 400"], True),
        (["(" * 29 + "true" + ")" * 29, "true"], True),
        (["(" * 32 + "true" + ")" * 32, "true"], False),  # beyond the compiler's bounds: each is asked alone
    ],
)
def test_what_holds_together(sources: list[str], holds: bool) -> None:  # noqa: FBT001 - a table's column
    """Expressions asked together hold where each of them does; where one alone can tell, they do not."""
    assert all(Expression(source).holds(_VALUES) for source in sources) or not holds
    assert Conjunction(sources).holds(_VALUES) is holds


def test_threads_share_an_expression() -> None:
    """One expression evaluated by many threads gives each of them its own answer."""
    expression = Expression("request.name == caller.id")
    wrong: list[int] = []

    def evaluate(number: int) -> None:
        for turn in range(500):
            same = (number + turn) % 2 == 0
            values = activation(
                {"request": pb.StartJobRunRequest(name=str(number)), "caller.id": str(number if same else -1)}
            )
            if expression.holds(values) is not same:
                wrong.append(number)

    threads = [threading.Thread(target=evaluate, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
