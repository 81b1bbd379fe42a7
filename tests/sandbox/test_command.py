"""The command, as a process; and where a sandbox may listen."""

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Sequence

import pytest

from emrgateway_sandbox import Sandbox

RUN = "import sys; from emrgateway_sandbox import serve_forever; sys.exit(serve_forever(sys.argv[1], sys.argv[2:]))"


def command(*arguments: str) -> subprocess.Popen[str]:
    """Start the command."""
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("listen", ["127.0.0.1:0", "localhost:0"])
def test_runs_until_a_signal(number: signal.Signals, listen: str) -> None:
    """It says where it listens, answers there, says nothing else, and ends with 0 when told to."""
    with command(listen, "00f1") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(r"listening on (http://(?:127\.0\.0\.1|\[::1\]):\d+)\n", line)
        assert found, line
        urllib.request.urlopen(f"{found[1]}/_sandbox/job-runs", timeout=10).close()  # noqa: S310 - loopback
        process.send_signal(number)
        rest = process.communicate(timeout=10)
    assert (process.returncode, rest) == (0, ("", ""))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["0.0.0.0:0"], "not a loopback address"),
        ([":4566"], "not HOST:PORT"),
        (["127.0.0.1"], "not HOST:PORT"),
        (["127.0.0.1:70000"], "not HOST:PORT"),
        (["[::]:0"], "not a loopback address"),
        (["127.0.0.1:0", "UPPER"], "no application id"),
    ],
)
def test_refuses(arguments: Sequence[str], words: str) -> None:
    """A listen address off loopback, or a mistake, ends with 2 and one line that says what to give."""
    with command(*arguments) as process:
        out, error = process.communicate(timeout=10)
    assert (process.returncode, out) == (2, "")
    assert words in error
    assert error.count("\n") == 1


def test_a_port_that_is_taken() -> None:
    """A port in use ends with 2."""
    with socket.create_server(("127.0.0.1", 0)) as taken, command(f"127.0.0.1:{taken.getsockname()[1]}") as process:
        _, error = process.communicate(timeout=10)
    assert process.returncode == 2
    assert "Address already in use" in error


def test_starting_loads_no_moto() -> None:
    """Neither import nor start pays for moto."""
    code = (
        "import sys; from emrgateway_sandbox import Sandbox\n"
        "with Sandbox(): sys.exit(any(name.split('.')[0] in ('moto', 'flask', 'boto3') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=10).returncode == 0


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
def test_ipv6() -> None:
    """IPv6's loopback will do too, where the machine has it."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no [::1]")
    with Sandbox("[::1]:0") as sandbox:
        assert re.fullmatch(r"http://\[::1\]:\d+", sandbox.url)
        urllib.request.urlopen(f"{sandbox.url}/_sandbox/job-runs", timeout=10).close()  # noqa: S310 - loopback


@pytest.mark.parametrize(
    "arguments",
    [
        {"listen": "0.0.0.0:0"},
        {"listen": "[::1]"},
        {"listen": f"{'x' * 64}:0"},
        {"seconds_per_state": -1},
        {"seconds_per_state": float("nan")},
        {"on_changed_body": "x"},
        {"applications": "00f1"},
    ],
)
def test_arguments_are_checked(arguments: dict[str, object]) -> None:
    """A wrong argument is a ValueError that names it."""
    with pytest.raises(ValueError, match=next(iter(arguments))):
        Sandbox(**arguments)  # type: ignore[arg-type] # wrong on purpose
