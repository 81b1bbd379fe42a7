"""Change the policy engine in a few thousand small ways, one at a time, and see which the tests miss.

Run by `make mutation`; mutmut does the changing. It works in `.mutation`, on copies, and keeps there what it found, so
that a second run tries only what changed. `MUTANTS` names some of them alone: `*__mutmut_*7` is a tenth, and a quick
look. Prints those that no test told from the original. Exits 1 where the tests kill less than `LEAST_PERCENT`.
"""

from __future__ import annotations

# ruff: noqa: T201 - a command prints
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".mutation"
LEAST_PERCENT = 85
# What is changed: all that judges and amends, and all that reads Spark's parameters.
MUTATED = (
    "globs/*.py",
    "policy/conditions.py",
    "policy/engine.py",
    "policy/field.py",
    "policy/request_field.py",
    "policy/selection.py",
    "policy/setting_field.py",
    "policy/spark/*.py",
    "policy/verbs.py",
)
# Those whose subject it is, without the slowest.
TESTS = (
    "spark",
    "test_against_naive.py",
    "test_bounds.py",
    "test_cel.py",
    "test_conflicts.py",
    "test_globs.py",
    "test_runs.py",
    "test_verdicts.py",
)
_KILLED = ("killed", "timeout")
_RESULT = re.compile(r"\s*(\S+__mutmut_\d+): (.+)")


def main() -> int:
    """Run it; 1 where the tests kill too few."""
    _prepare()
    wanted = os.environ.get("MUTANTS", "*")
    processes = str(os.cpu_count() or 1)
    done = subprocess.run([_mutmut(), "run", "--max-children", processes, wanted], cwd=FOLDER, check=False)
    if done.returncode:
        print("mutation: the tests fail on the code as it is, or mutmut does", file=sys.stderr)
        return 1
    results = dict(_results())
    counts = Counter(results.values())
    killed = sum(counts[status] for status in _KILLED)
    percent = 100 * killed / max(1, counts.total())
    for name, status in sorted(results.items()):
        if status not in _KILLED:
            print(f"\nmutation: {name}: {status}", *_shown(name), sep="\n  ")
    print(f"\nmutation: {killed} of {counts.total()} killed, {percent:.1f} %: {dict(counts)}", flush=True)
    return 0 if percent >= LEAST_PERCENT else 1


def _prepare() -> None:
    """Copies of the packages and of the tests, as mutmut wants them, beside what it found before."""
    for part in ("src", "tests"):
        shutil.rmtree(FOLDER / part, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__")
    for source, copy in (
        (ROOT / "server" / "emrgateway_server", FOLDER / "src" / "emrgateway_server"),
        (ROOT / "proto" / "python" / "emrgateway", FOLDER / "src" / "emrgateway"),
        (ROOT / "tests" / "policy", FOLDER / "tests" / "policy"),
    ):
        shutil.copytree(source, copy, ignore=ignored)
    shutil.rmtree(FOLDER / "mutants" / "tests", ignore_errors=True)
    (FOLDER / "pyproject.toml").write_text(
        f"""\
[tool.mutmut]
source_paths = ["src"]
only_mutate = {_listed(f"src/emrgateway_server/{each}" for each in MUTATED)}
pytest_add_cli_args = ["-p", "no:cacheprovider"]
pytest_add_cli_args_test_selection = {_listed(f"tests/policy/{each}" for each in TESTS)}

[tool.pytest.ini_options]
addopts = ["--import-mode=importlib"]
filterwarnings = ["error"]
""",
        encoding="utf-8",
    )


def _listed(texts: Iterator[str] | Sequence[str]) -> str:
    """A list in TOML."""
    return "[" + ", ".join(f'"{text}"' for text in texts) + "]"


def _mutmut() -> str:
    return str(Path(sys.executable).with_name("mutmut"))


def _results() -> Iterator[tuple[str, str]]:
    """What became of each mutant that was tried."""
    told = subprocess.run(
        [_mutmut(), "results", "--all", "true"], cwd=FOLDER, check=True, capture_output=True, text=True
    )
    for line in told.stdout.splitlines():
        match = _RESULT.fullmatch(line)
        if match and match[2] != "not checked":
            yield match[1], match[2]


def _shown(name: str) -> list[str]:
    """The lines that a mutant changes."""
    told = subprocess.run([_mutmut(), "show", name], cwd=FOLDER, check=False, capture_output=True, text=True)
    return [line for line in told.stdout.splitlines() if re.match(r"[-+](?![-+])", line)]


if __name__ == "__main__":
    sys.exit(main())
