"""What a submission costs a whole gateway, in CPU and memory: what deploy/README.md sizes by; `make bench`."""

# ruff: noqa: T201 - a benchmark prints
from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from emrgateway_sandbox import Sandbox
from tests.server import jobs
from tests.server.gateways import Gateway, configuration, serving

BASELINE = Path(__file__).parents[2] / "deploy" / "demo" / "policy" / "data-eng.yaml"
SUBMISSIONS = 2000
CALLERS = 8
# So that the gateway paces nothing.
RATES = {"StartJobRun": {"per_second": 100_000, "burst": 100_000}}
_TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print what it comes to."""
    policy = BASELINE.read_text(encoding="utf-8")
    with Sandbox() as sandbox, tempfile.TemporaryDirectory() as folder:
        settings = configuration(sandbox.url, callers=[{"match": "**", "labels": {"team": "data-eng"}}])
        settings["targets"][0]["rates"] = RATES
        with serving(Path(folder, "gateway"), settings, policy) as gateway:
            _submit(gateway, CALLERS * 10)  # connections, caches
            before = _cpu_seconds(gateway.pid)
            _submit(gateway, SUBMISSIONS)
            each = (_cpu_seconds(gateway.pid) - before) / SUBMISSIONS
            print(f"a submission costs {each * 1e3:.2f} ms of CPU, so that one core carries {1 / each:.0f} a second")
            print(f"the gateway holds {_memory_bytes(gateway.pid) / 2**20:.0f} MiB after {SUBMISSIONS} of them")


def _submit(gateway: Gateway, count: int) -> None:
    with ThreadPoolExecutor(CALLERS) as callers:
        for reply in callers.map(lambda _: gateway.start(jobs.message(jobs.body(**JOB))), range(count)):
            assert reply.job_run_id


def _cpu_seconds(pid: int) -> float:
    # proc(5): utime and stime are the 14th and 15th field, and the second, the name, may hold blanks.
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_SECONDS


def _memory_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE")


JOB = {
    "tags": {"cost-center": "CC-1042"},
    "jobDriver": {"sparkSubmit": {"entryPoint": "s3://release-artifacts/app.py"}},
}

if __name__ == "__main__":
    main()
