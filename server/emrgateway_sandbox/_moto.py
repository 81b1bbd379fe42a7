"""moto's server behind ours: all services but the job runs of EMR Serverless.

Laid in front of moto, not into it: moto's job runs cannot be subclassed into AWS's (its responses drop members, answer
every error with 400 and share one parser with all services), and its routing and its state stay its own, so an upgrade
of moto cannot break ours. moto is loaded when the first request comes that is its own: that takes longer than all else
that a start needs, and most users of the sandbox need nothing but job runs.

moto's state is the process's: two sandboxes in one process have their own job runs and share all else.
"""

import os
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from ._http_messages import HttpReply, HttpRequest

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

_DEFAULT_ACCOUNT: Final = "123456789012"  # moto's DEFAULT_ACCOUNT_ID
_LOADING: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class MotoApplication:
    """An application that was created through moto, of what a job run takes over from it."""

    release_label: str
    type: str
    state: str
    network_configuration: dict[str, list[str]] | None


def answer(request: HttpRequest) -> HttpReply:
    """Let moto answer a request."""
    with _LOADING:
        application = _wsgi_application()
    replies: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None, /) -> Any:  # noqa: ANN401
        del exc_info
        replies.append((status, headers))

    body = _joined(application(_environ(request), start_response))
    status, headers = replies[-1]
    return HttpReply(int(status.split(" ", 1)[0]), headers, body)


@cache
def _wsgi_application() -> "WSGIApplication":
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: PLC0415 - lazy

    return DomainDispatcherApplication(create_backend_app)


def _environ(request: HttpRequest) -> "WSGIEnvironment":
    from moto.core.request import Request  # noqa: PLC0415 - lazy

    url = f"http://{request.headers.get('Host', 'localhost')}{request.target}"
    environ: WSGIEnvironment = Request.from_primitives(request.method, url, request.headers, request.body).environ
    # Undecoded, as a server gives it: S3 tells a key's `/` from its `%2F`.
    return {**environ, "RAW_URI": request.target, "REQUEST_URI": request.target}


def _joined(chunks: Iterable[bytes]) -> bytes:
    try:
        return b"".join(chunks)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()


def account_of(access_key: str, account_header: str | None) -> str:
    """Tell an access key's account: MOTO_ACCOUNT_ID, x-moto-account-id, the key's own, the default, in moto's order."""
    stated = os.environ.get("MOTO_ACCOUNT_ID") or account_header
    if stated or not _is_loaded("moto.iam.models"):
        return stated or _DEFAULT_ACCOUNT
    from moto.iam.models import get_account_id_from  # noqa: PLC0415 - lazy

    return str(get_account_id_from(access_key))


def assumed_role_arn(account: str, partition: str, access_key: str) -> str | None:
    """Tell which assumed role an access key is of; None if it came from no AssumeRole through moto."""
    if not _is_loaded("moto.sts.models"):
        return None
    from moto.sts.models import sts_backends  # noqa: PLC0415 - lazy

    role = sts_backends[account][partition].get_assumed_role_from_access_key(access_key)
    return None if role is None else str(role.arn)


def application(account: str, region: str, application_id: str) -> MotoApplication | None:
    """Find an application that was created through moto; None if there is none."""
    if not _is_loaded("moto.emrserverless.models"):
        return None
    from moto.emrserverless.models import emrserverless_backends  # noqa: PLC0415 - lazy

    regions = emrserverless_backends[account]
    found = regions[region].applications.get(application_id) if region in regions else None
    if found is None:
        return None
    return MotoApplication(found.release_label, found.type, found.state, found.network_configuration)


def _is_loaded(module: str) -> bool:
    # What was never loaded holds nothing; loading it here would only cost time.
    return module in sys.modules
