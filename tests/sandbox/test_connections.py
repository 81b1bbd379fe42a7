"""The HTTP connection itself, through plain sockets."""

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from emrgateway_sandbox import Sandbox

AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/emr-serverless/aws4_request, "
    "SignedHeaders=host, Signature=0"
)
LIST = f"GET /applications/00f1/jobruns HTTP/1.1\r\nHost: x\r\nAuthorization: {AUTHORIZATION}\r\n\r\n".encode()
START = f"POST /applications/00f1/jobruns HTTP/1.1\r\nHost: x\r\nAuthorization: {AUTHORIZATION}\r\n".encode()


@pytest.fixture
def connection(still: Sandbox) -> Iterator[socket.socket]:
    """Connect to a sandbox."""
    host, port = still.url.removeprefix("http://").rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as connected:
        yield connected


def read_reply(connection: socket.socket) -> tuple[int, bytes]:
    """Read one reply, by its length."""
    reply = http.client.HTTPResponse(connection)
    reply.begin()
    assert reply.version == 11
    assert reply.getheader("Content-Length") is not None
    content = reply.read()
    reply.close()
    return reply.status, content


def test_errors_leave_the_connection_usable(connection: socket.socket) -> None:
    """Refusals of every kind, with bodies that nobody needed, are answered on one connection that goes on."""
    waste = b"Content-Length: 70000\r\n\r\n" + b"x" * 70_000
    for request, status in (
        (LIST, 200),
        (START + waste, 400),  # no JSON
        (LIST.replace(b"GET", b"PUT")[:-2] + waste, 404),  # no such operation
        (b"GET /applications/00f1/jobruns HTTP/1.1\r\nHost: x\r\n" + waste, 403),  # not signed
        (b"GET /_sandbox/none HTTP/1.1\r\nHost: x\r\n" + waste, 404),
        (b"GET /none HTTP/1.1\r\nHost: x\r\n" + waste, 404),  # moto's S3
        (LIST, 200),
    ):
        connection.sendall(request)
        assert read_reply(connection)[0] == status


def test_requests_sent_ahead_are_answered_in_order(connection: socket.socket) -> None:
    """A client that does not wait for replies gets them all, in order."""
    connection.sendall(LIST + LIST.replace(b"00f1", b"UPPER") + LIST)
    reader = connection.makefile("rb")
    statuses = []
    for _ in range(3):
        statuses.append(int(reader.readline().split()[1]))
        headers = http.client.parse_headers(reader)
        reader.read(int(headers["Content-Length"]))
    reader.close()
    assert statuses == [200, 400, 200]


def test_chunked_body(connection: socket.socket) -> None:
    """A chunked body, with an extension and a trailer, is read whole, and the connection goes on."""
    connection.sendall(
        START + b"Transfer-Encoding: chunked\r\n\r\n1;ext=1\r\n{\r\n1\r\n}\r\n0\r\nTrailer: 1\r\n\r\n" + LIST
    )
    status, content = read_reply(connection)
    assert status == 400
    assert "clientToken" in json.loads(content)["message"]


def test_expect_continue(connection: socket.socket) -> None:
    """A client that waits for leave to send its body gets it at once."""
    connection.sendall(START + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(b"{}")
    assert read_reply(connection)[0] == 400


@pytest.mark.parametrize(
    "framing",
    [b"Content-Length: -1\r\n\r\n", b"Content-Length: x\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n-1\r\n"],
)
def test_a_body_without_an_end_closes_the_connection(connection: socket.socket, framing: bytes) -> None:
    """Where a body's end cannot be known, the answer is 400 and the end of the connection."""
    connection.sendall(START + framing)
    assert read_reply(connection)[0] == 400
    assert connection.recv(1) == b""


def test_a_client_that_leaves_in_the_middle_starts_nothing(still: Sandbox, connection: socket.socket) -> None:
    """Half a body is no request."""
    connection.sendall(START + b"Content-Length: 100\r\n\r\n{")
    connection.shutdown(socket.SHUT_WR)
    assert connection.recv(1) == b""
    assert still.job_runs() == []


def test_boto3_reuses_its_connection(still: Sandbox, client: Callable[..., Any], job: dict[str, Any]) -> None:
    """Hundreds of calls of a client, refusals among them, need one connection."""
    emr = client(still)
    for _ in range(100):
        emr.start_job_run(**job)
        with pytest.raises(emr.exceptions.ResourceNotFoundException):
            emr.get_job_run(applicationId=job["applicationId"], jobRunId="0")
    pools = emr._endpoint.http_session._manager.pools  # noqa: SLF001 - urllib3's count is nowhere else
    assert [pools[key].num_connections for key in pools.keys()] == [1]  # noqa: SIM118 - no mapping


def test_stop_closes_idle_connections_and_start_serves_again(client: Callable[..., Any], job: dict[str, Any]) -> None:
    """Stopping takes no time though clients keep connections; what was started is known after a start."""
    sandbox = Sandbox(seconds_per_state=3600)
    sandbox.start()
    emr = client(sandbox)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: emr.start_job_run(**job), range(40)))
    began = time.monotonic()
    sandbox.stop()
    assert time.monotonic() - began < 1
    sandbox.stop()
    with sandbox:
        assert len(client(sandbox).list_job_runs(applicationId=job["applicationId"])["jobRuns"]) == 40
        with pytest.raises(RuntimeError, match="running already"):
            sandbox.start()
    with pytest.raises(RuntimeError, match="not running"):
        _ = sandbox.url
