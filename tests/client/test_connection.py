"""What is spoken to whom: plaintext, TLS, tokens, proxies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_client import Client, Unavailable
from emrgateway_client._connection import connection
from emrgateway_client._target import is_loopback

from .gateway import Refusal, running, self_signed

if TYPE_CHECKING:
    from pathlib import Path

    from .gateway import Gateway


@pytest.mark.parametrize(
    "target",
    [
        "127.0.0.1:50051",
        "127.8.9.1:1",
        "localhost:50051",
        "LocalHost:50051",
        "[::1]:50051",
        "dns:localhost:1",
        "dns:///127.0.0.1:1",
        "ipv4:127.0.0.1:1,127.0.0.2:1",
        "ipv6:[::1]:1",
        "unix:/run/gateway.sock",
        "unix:///run/gateway.sock",
    ],
)
def test_loopback(target: str) -> None:
    """What cannot leave this machine."""
    assert is_loopback(target)


@pytest.mark.parametrize(
    "target",
    [
        "10.0.0.1:50051",
        "gateway:50051",
        "localhost.example.com:1",
        "127.0.0.1.example.com:1",
        "127.0.0.1%2eexample.com:1",
        "dns://10.0.0.1/localhost:1",
        "ipv4:127.0.0.1:1,10.0.0.1:1",
        "[::2]:1",
        "xds:///localhost:1",
        "user@127.0.0.1:1",
        "example.com/127.0.0.1:1",
        "127.0.0.1",
        "",
    ],
)
def test_not_loopback(target: str) -> None:
    """What may leave it, or is not understood: TLS."""
    assert not is_loopback(target)


def test_plaintext_leaves_the_machine_only_when_told() -> None:
    """Another machine gets TLS, token or not, unless `plaintext=True`; this one gets TLS where a CA is given."""

    def is_plaintext(target: str, *, plaintext: bool | None) -> bool:
        made = connection(target, ca=None, cert=None, key=None, token="abc", token_file=None, plaintext=plaintext)  # noqa: S106 - no password
        return made.channel_credentials is None

    assert not is_plaintext("gateway:50051", plaintext=None)
    assert is_plaintext("gateway:50051", plaintext=True)
    assert is_plaintext("localhost:50051", plaintext=None)
    assert not is_plaintext("localhost:50051", plaintext=False)


def test_tls_means_tls(gateway: Gateway) -> None:
    """With `plaintext=False` a server without TLS, though on loopback, is never spoken to."""
    with Client(gateway.target, plaintext=False, token="abc") as client, pytest.raises(Unavailable):  # noqa: S106 - no password
        client.get_job_run("a", "r", timeout=20)
    assert not gateway.calls


def test_loopback_is_not_sent_through_a_proxy(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment, to which gRPC would hand plaintext and the token in it, is not asked."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("grpc_proxy", "http://127.0.0.1:9")
    with Client(gateway.target) as client:
        client.get_job_run("a", "r", timeout=5)


def test_a_token_file_is_read_for_each_call(gateway: Gateway, tmp_path: Path) -> None:
    """A projected token that was replaced is used at once; the retries of one call carry one token."""
    file = tmp_path / "token"
    file.write_text("first\n")
    with Client(gateway.target, token_file=file) as client:
        client.get_job_run("a", "r")
        file.write_text("second\n")
        client.get_job_run("a", "r")
        file.unlink()
        with pytest.raises(FileNotFoundError):
            client.get_job_run("a", "r")
    assert [metadata["authorization"] for _, metadata in gateway.calls] == ["Bearer first", "Bearer second"]


def test_a_function_gives_the_token(gateway: Gateway) -> None:
    """A function is asked before each call."""
    tokens = iter(["one", "two"])
    with Client(gateway.target, token=lambda: next(tokens)) as client:
        client.get_job_run("a", "r")
        client.get_job_run("a", "r")
    assert [metadata["authorization"] for _, metadata in gateway.calls] == ["Bearer one", "Bearer two"]


def test_a_token_that_is_none_is_not_printed(gateway: Gateway) -> None:
    """Where gRPC's own error prints the header, ours names the mistake and keeps the token."""
    with pytest.raises(ValueError, match="bearer token") as caught:
        Client(gateway.target, token="secret\r\nx: y")  # noqa: S106 - no password
    assert "secret" not in str(caught.value)


def test_mutual_tls_carries_the_token(tmp_path: Path) -> None:
    """A server that demands a certificate gets it, and the token as call credentials, on each attempt."""
    cert, key = self_signed(tmp_path)
    credentials = grpc.ssl_server_credentials(
        [(key.read_bytes(), cert.read_bytes())], root_certificates=cert.read_bytes(), require_client_auth=True
    )
    with running(credentials) as gateway:
        gateway.script.append(Refusal())
        with Client(gateway.target, ca=cert, cert=cert, key=key, token="abc") as client:  # noqa: S106 - no password
            client.start_job_run(pb.StartJobRunRequest())
    assert [metadata["authorization"] for _, metadata in gateway.calls] == ["Bearer abc", "Bearer abc"]
    assert len(set(gateway.tokens)) == 1


def test_what_does_not_go_together(tmp_path: Path) -> None:
    """Each mistake in the arguments is said at once, not by the first call."""
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    with pytest.raises(ValueError, match="one or the other"):
        Client("h:1", plaintext=True, ca=junk)
    with pytest.raises(ValueError, match="belong together"):
        Client("h:1", cert=junk)
    with pytest.raises(ValueError, match="holds no certificate"):
        Client("h:1", ca=junk)
    with pytest.raises(ValueError, match="no certificate chain and its private key"):
        Client("h:1", cert=junk, key=junk)
    with pytest.raises(ValueError, match="give one"):
        Client("h:1", token="a", token_file=junk)  # noqa: S106 - no password
    with pytest.raises(ValueError, match="target is empty"):
        Client("")
    with pytest.raises(FileNotFoundError):
        Client("h:1", ca=tmp_path / "missing.pem")
