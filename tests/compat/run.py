"""The client's tests at both ends of the range of dependencies that `pyproject.toml` promises.

Run by `make compat`. Two virtual environments at the top of the repository are kept between runs, and made anew when
`pyproject.toml` or this file changes: `.venv-compat-oldest` has each dependency at its lower bound exactly,
`.venv-compat-newest` at the newest that the range allows. The tests also need the `openssl` command. Exits 1 when the
tests fail at either end, or an end cannot be set up.
"""

from __future__ import annotations

# ruff: noqa: T201 - a command prints
import hashlib
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "pyproject.toml"
ENDS = ("oldest", "newest")
# What the tests themselves need. None of it pins a dependency of the client's, but for the health service, which needs
# a grpcio at least as new as itself, and not every release of grpcio has its own.
TOOLS = ("botocore", "hypothesis", "pytest")
HEALTH = "grpcio-health-checking"

_BOUND = re.compile(r"(?P<name>[A-Za-z0-9._-]+)>=(?P<version>[0-9][0-9A-Za-z.]*)(?P<others>(,.*)?)")


class Unusable(Exception):
    """An end of the range cannot be tested, and why."""


def main() -> int:
    """Test each end; 1 where one fails."""
    failed = [end for end in ENDS if not _passes(end)]
    print(f"compat: {'failed: ' + ', '.join(failed) if failed else 'passed at both ends'}", flush=True)
    return 1 if failed else 0


def _passes(end: str) -> bool:
    try:
        python = _environment(end)
        requirements = [*_requirements(end), HEALTH]
        names = sorted({re.split("[<=>]", requirement)[0] for requirement in requirements})
        print(f"compat: {end}: {_versions(python, names)}", flush=True)
        tests = subprocess.run(
            [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/client"], cwd=ROOT, check=False
        )
    except Unusable as error:
        print(f"compat: {end}: {error}", file=sys.stderr, flush=True)
        return False
    return tests.returncode == 0


def _dependencies() -> list[str]:
    with PROJECT.open("rb") as file:
        dependencies: list[str] = tomllib.load(file)["project"]["dependencies"]
    return dependencies


def _requirements(end: str) -> list[str]:
    """The client's dependencies as one end of the range has them."""
    return _dependencies() if end == "newest" else [lower_bound(dependency) for dependency in _dependencies()]


def lower_bound(dependency: str) -> str:
    """`name>=1.2,<3` → `name==1.2`."""
    bound = _BOUND.fullmatch(dependency.replace(" ", ""))
    if bound is None:
        raise Unusable(f"{dependency!r} in pyproject.toml does not begin with a lower bound, NAME>=VERSION")
    return f"{bound['name']}=={bound['version']}"


def _environment(end: str) -> Path:
    """The Python of an end's virtual environment, made where there is none for today's requirements."""
    folder = ROOT / f".venv-compat-{end}"
    python, stamp = folder / "bin" / "python", folder / ".made-for"
    wanted = hashlib.sha256(PROJECT.read_bytes() + Path(__file__).read_bytes() + sys.version.encode()).hexdigest()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    print(f"compat: {end}: setting up {folder.name}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    _install(python, *_requirements(end), *TOOLS)
    # Constrained by what is there already: resolving it afresh would move the end that is being tested.
    _install(python, *_installed_exactly(python), f"{HEALTH}<={_version(python, 'grpcio')}")
    _install(python, "--no-deps", "--editable", str(ROOT))
    stamp.write_text(wanted, encoding="utf-8")
    return python


def _installed_exactly(python: Path) -> list[str]:
    names = (re.split("[<=>]", dependency)[0] for dependency in _dependencies())
    return [f"{name}=={_version(python, name)}" for name in names]


def _install(python: Path, *what: str) -> None:
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade", *what]
    if subprocess.run(pip, cwd=ROOT, check=False).returncode:
        raise Unusable(f"cannot install {' '.join(what)}")


def _versions(python: Path, names: list[str]) -> str:
    return ", ".join(f"{name} {_version(python, name)}" for name in names)


def _version(python: Path, name: str) -> str:
    """The version of a distribution in an environment, without running it."""
    (packages,) = (python.parents[1] / "lib").glob("python3*/site-packages")
    found = next(iter(metadata.distributions(name=name, path=[str(packages)])), None)
    if found is None:
        raise Unusable(f"{name} is not installed")
    return found.version


if __name__ == "__main__":
    sys.exit(main())
