"""`gateway.yaml` and `EMR_GATEWAY_*` → frozen settings. The only reader of the environment."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from emrgateway_server import yamlfile, yamlmodel
from emrgateway_server.caller import ID_PATTERN
from emrgateway_server.globs import Glob
from emrgateway_server.shapes import OPERATIONS
from emrgateway_server.yamlfile import ConfigurationError, Document, Problem

ENVIRONMENT_PREFIX = "EMR_GATEWAY_"
_WAYS = ("insecure", "mtls", "jwt")


def split_address(address: str) -> tuple[str, int]:
    """`HOST:PORT` or `[IPV6]:PORT` → host without brackets, and port."""
    host, separator, port = address.rpartition(":")
    if not separator or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004
        raise ValueError(f"{address!r} is not HOST:PORT, such as 127.0.0.1:50051")
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine alone, without asking a name server."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_address(address: str) -> str:
    split_address(address)
    return address


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one or re.search(r"[^!-~]|[@?#]", url):
        raise ValueError(f"{url!r} is no URL of an endpoint, such as https://vpce.example.com")
    return url


def _checked_operation(name: str) -> str:
    if name not in OPERATIONS:
        raise ValueError(f"AWS has no operation {name!r} that the gateway calls; allowed: {', '.join(OPERATIONS)}")
    return name


def _checked_glob(text: str) -> str:
    Glob(text)
    return text


def environment() -> Mapping[str, str]:
    """The process's environment."""
    return os.environ


def _resolved(path: str, info: ValidationInfo) -> str:
    base = (info.context or {}).get("directory", ".")
    return path if path == "-" else str(Path(base, path))


def _fraction(value: object) -> object:
    """Seconds may be written as whole numbers: strict pydantic takes no int for a float."""
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


Address = Annotated[str, AfterValidator(_checked_address)]
FilePath = Annotated[str, Field(min_length=1), AfterValidator(_resolved)]
Seconds = Annotated[float, BeforeValidator(_fraction), Field(ge=0, le=86_400, allow_inf_nan=False)]
Positive = Annotated[float, BeforeValidator(_fraction), Field(gt=0, le=1_000_000, allow_inf_nan=False)]
Duration = Annotated[float, BeforeValidator(_fraction), Field(gt=0, le=86_400)]
GlobText = Annotated[str, AfterValidator(_checked_glob)]
Operation = Annotated[str, AfterValidator(_checked_operation)]
Url = Annotated[str, AfterValidator(_checked_url)]


class _Section(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        """Frozen settings hold tuples; strict pydantic takes no list for one."""
        if isinstance(value, dict):
            return {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}
        return value


class Tls(_Section):
    """The server's certificate and key, and the bundle that client certificates are held against."""

    certificate: FilePath
    key: FilePath
    client_ca: FilePath | None = None


class Mtls(_Section):
    """Callers with a SPIFFE certificate of one trust domain."""

    trust_domain: str


class Jwt(_Section):
    """Callers with a token of one issuer."""

    issuer: str
    audience: str
    algorithms: Annotated[tuple[str, ...], Field(min_length=1)]
    jwks_url: str | None = None
    jwks_file: FilePath | None = None
    caller: str
    leeway_seconds: Seconds = 30
    jwks_refresh_seconds: Seconds = 300
    jwks_max_stale_seconds: Seconds = 86_400


class Insecure(_Section):
    """Everyone is this caller: for the sandbox, on loopback alone."""

    caller: Annotated[str, Field(pattern=ID_PATTERN)]


class Identity(_Section):
    """How callers prove who they are."""

    mtls: Mtls | None = None
    jwt: tuple[Jwt, ...] = ()
    insecure: Insecure | None = None


class CallerLabels(_Section):
    """Labels of the callers whose id matches; the first match of each label wins."""

    match: GlobText
    labels: dict[str, str]


class PolicyFiles(_Section):
    """Where policy lives, and how often to look for a change."""

    directory: FilePath
    reload_seconds: Seconds = 1


class AssumeRole(_Section):
    """The role that reaches a target's account."""

    role_arn: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[!-~]{1,512}$")]
    # The bounds are those of STS's AssumeRole.
    external_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+=,.@:/-]{2,1224}$")] | None = None
    session_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+=,.@-]{2,64}$")] = "emr-gateway"


class Rate(_Section):
    """What AWS allows the whole deployment of one operation, in one account and region: a token bucket."""

    per_second: Positive
    burst: Annotated[int, Field(ge=1)] = 1


class TargetSettings(_Section):
    """One account and region, and the applications that live there."""

    name: Annotated[str, Field(min_length=1)]
    account: Annotated[str, Field(pattern=r"^[0-9]{12}$")]
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    assume_role: AssumeRole | None = None
    endpoint_url: Url | None = None
    applications: Annotated[tuple[GlobText, ...], Field(min_length=1)] = ("**",)
    rates: dict[Operation, Rate] = {}


class Ledger(_Section):
    """Where submissions are remembered."""

    kind: Literal["memory", "dynamodb"] = "memory"
    max_entries: Annotated[int, Field(ge=1)] = 100_000
    ttl_hours: Positive = 24
    upstream_token_hours: Positive = 8
    on_error: Literal["fail", "continue"] = "fail"
    table: str | None = None
    region: str | None = None
    endpoint_url: Url | None = None


class Audit(_Section):
    """Where decisions are written down."""

    path: FilePath = "-"
    on_error: Literal["fail", "continue"] = "continue"
    requests: Literal["none", "full"] = "none"
    fsync: Literal["never", "interval", "always"] = "interval"


class Limits(_Section):
    """Bounds on callers and on ourselves."""

    max_deadline_seconds: Duration = 60
    reply_margin_seconds: Seconds = 0.1
    max_message_bytes: Annotated[int, Field(ge=1_024, le=4_194_304)] = 524_288
    max_in_flight: Annotated[int, Field(ge=1, le=4_096)] = 256
    queue_per_target: Annotated[int, Field(ge=1)] = 256
    max_connection_age_seconds: Duration = 600
    drain_pause_seconds: Seconds = 2
    drain_seconds: Seconds = 30


class Telemetry(_Section):
    """What telemetry may add to a job."""

    job_traceparent: bool = True


class Prices(_Section):
    """What capacity costs, for `max_cost_usd`."""

    currency: Literal["USD"] = "USD"
    vcpu_hour: Positive
    memory_gb_hour: Positive
    disk_gb_hour: Positive


class Settings(_Section):
    """All of `gateway.yaml`."""

    listen: Address = "0.0.0.0:50051"
    listen_token: Address | None = None
    metrics: Address | None = "0.0.0.0:9464"
    tls: Tls | None = None
    identity: Identity
    callers: tuple[CallerLabels, ...] = ()
    policy: PolicyFiles
    targets: Annotated[tuple[TargetSettings, ...], Field(min_length=1)]
    replicas: Annotated[int, Field(ge=1)] = 1
    ledger: Ledger = Ledger()
    audit: Audit = Audit()
    limits: Limits = Limits()
    telemetry: Telemetry = Telemetry()
    prices: Prices | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says: `settings` is None where it says too little, and what the rest of it says beside `problems`."""

    document: Document
    settings: Settings | None
    problems: Sequence[Problem]


def load(file: str | Path, environment: Mapping[str, str]) -> Settings:
    """The settings of a file with the environment's overrides, or `ConfigurationError` with every mistake in it."""
    reading = read(file, environment)
    if reading.problems or reading.settings is None:
        raise ConfigurationError(reading.problems)
    return reading.settings


def read(file: str | Path, environment: Mapping[str, str]) -> Reading:
    """What a file says with the environment's overrides; `ConfigurationError` where it cannot be read at all."""
    name = str(file)
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise ConfigurationError([Problem(name, 0, 0, f"cannot be read: {reason}")]) from error
    documents, problems = yamlfile.read(text, file=name)
    if len(documents) > 1:
        problems.append(documents[1].problem((), "one document is expected, and this is a second"))
    if problems and not documents:
        raise ConfigurationError(sorted(problems))
    document = documents[0] if documents else Document(name, {})
    document.value = {} if document.value is None else document.value
    if isinstance(document.value, dict):
        _override(document, environment)
    settings, found = yamlmodel.parsed(Settings, document, context={"directory": Path(file).parent})
    return Reading(document, settings, sorted([*problems, *found, *_contradictions(document)]))


def _override(document: Document, environment: Mapping[str, str]) -> None:
    for variable, text in sorted(environment.items()):
        if variable.startswith(ENVIRONMENT_PREFIX):
            parts = variable.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
            found = _scalar_at(Settings, document.value, parts)
            if found is not None:
                path, is_text = found
                document.override(path, text if is_text and text != "null" else yamlfile.scalar(text), variable)


def _scalar_at(model: object, value: object, parts: list[str]) -> tuple[yamlfile.Path, bool] | None:
    """The path that a variable names and whether a string stands there, or None where it names no scalar."""
    path: yamlfile.Path = ()
    in_list = False
    for part in parts:
        if in_list:
            if not (part.isascii() and part.isdigit() and isinstance(value, list) and int(part) < len(value)):
                return None
            path, value, in_list = (*path, int(part)), value[int(part)], False
            continue
        fields = getattr(model, "model_fields", {})
        if part not in fields or not (value is None or isinstance(value, dict)):
            return None
        if value is None and path and isinstance(path[-1], int):
            return None
        path, value = (*path, part), (value or {}).get(part)
        annotation = fields[part].annotation
        model, in_list = yamlmodel.model_in(annotation), _is_list(annotation)
        if _is_mapping(annotation):
            return None
        if model is None and not in_list:
            is_last = len(path) == len(parts)
            return (path, _holds_text(annotation)) if is_last and not isinstance(value, dict | list) else None
    return None


def _is_list(annotation: object) -> bool:
    return get_origin(annotation) is tuple or any(_is_list(inner) for inner in _branches(annotation))


def _is_mapping(annotation: object) -> bool:
    return get_origin(annotation) is dict


def _branches(annotation: object) -> tuple[object, ...]:
    """What an optional or annotated type wraps."""
    return get_args(annotation) if get_origin(annotation) in (Annotated, UnionType, Union) else ()


def _holds_text(annotation: object) -> bool:
    members = getattr(annotation, "__args__", (annotation,))
    return any(member is str or isinstance(member, str) or _is_annotated_text(member) for member in members)


def _is_annotated_text(annotation: object) -> bool:
    return getattr(annotation, "__origin__", None) is str or any(
        argument is str for argument in getattr(annotation, "__args__", ())
    )


def _contradictions(document: Document) -> list[Problem]:
    """What no single key says: keys that exclude each other, and keys whose feature this version does not have.

    It reads what the file says, not the settings, so that these mistakes are told beside those of single keys.
    """
    found = [
        *_identity_mistakes(document),
        *_limit_mistakes(document),
        *_rate_mistakes(document),
        *_ledger_mistakes(document),
        *_audit_mistakes(document),
        *_not_yet(document),
    ]
    names = [document.at(("targets", index, "name")) for index in range(_length(document, "targets"))]
    found += [
        (("targets", index, "name"), f"two targets are named {name!r}: names are unique")
        for index, name in enumerate(names)
        if name is not None and name in names[:index] and not document.is_told(("targets", index, "name"))
    ]
    return [document.problem(path, message) for path, message in found]


def _identity_mistakes(document: Document) -> Iterator[tuple[yamlfile.Path, str]]:
    said = document.at(("identity",))
    said = said if isinstance(said, dict) else {}
    ways = [way for way in _WAYS if said.get(way)]
    meant = any(yamlmodel.looks_like(str(key), _WAYS) for key in said.keys() - set(_WAYS))
    told = any(document.is_told(("identity", way)) for way in _WAYS)
    if not ways and not meant and not told:
        yield ("identity",), "identity needs one of: insecure, mtls, jwt"
    if "insecure" in ways and len(ways) > 1:
        yield ("identity", "insecure"), "identity.insecure must stand alone"
    listen = document.at(("listen",)) or Settings.model_fields["listen"].default
    if "insecure" in ways and not document.is_told(("listen",)) and not _is_loopback_address(listen):
        yield ("listen",), f"identity.insecure serves loopback alone: listen on 127.0.0.1 or [::1], not on {listen}"


def _limit_mistakes(document: Document) -> Iterator[tuple[yamlfile.Path, str]]:
    most_path, margin_path = (("limits", f"{name}_seconds") for name in ("max_deadline", "reply_margin"))
    if document.is_told(most_path) or document.is_told(margin_path):
        return
    most, margin = document.at(most_path), document.at(margin_path)
    at = most_path if margin is None else margin_path
    most = Limits().max_deadline_seconds if most is None else most
    margin = Limits().reply_margin_seconds if margin is None else margin
    if cast("float", margin) >= cast("float", most):
        message = f"limits.reply_margin_seconds: below max_deadline_seconds ({most:g}), or no call has any time"
        yield at, message


def _rate_mistakes(document: Document) -> Iterator[tuple[yamlfile.Path, str]]:
    said: dict[tuple[object, object, object], object] = {}
    for index in range(_length(document, "targets")):
        account, region, rates = (document.at(("targets", index, key)) for key in ("account", "region", "rates"))
        if not (isinstance(account, str) and isinstance(region, str) and isinstance(rates, dict)):
            continue
        if any(said.setdefault((account, region, name), rate) != rate for name, rate in rates.items()):
            path = ("targets", index, "rates")
            yield path, f"{yamlfile.dotted(path)}: targets of one account and region share its rates: give the same"


def _ledger_mistakes(document: Document) -> Iterator[tuple[yamlfile.Path, str]]:
    is_table = document.at(("ledger", "kind")) == "dynamodb"
    if is_table and not document.at(("ledger", "table")):
        yield ("ledger", "kind"), "ledger.kind dynamodb needs ledger.table"
    for key in ("table", "region", "endpoint_url"):
        if not is_table and document.at(("ledger", key)):
            yield ("ledger", key), f"ledger.{key} is for kind: dynamodb, and submissions would be kept in memory alone"


def _audit_mistakes(document: Document) -> Iterator[tuple[yamlfile.Path, str]]:
    if document.at(("audit", "requests")) == "full" and document.at(("audit", "path")) in (None, "-"):
        yield ("audit", "requests"), "audit.requests: full keeps the originals beside audit.path: say a file there"


def _is_loopback_address(address: object) -> bool:
    try:
        return is_loopback(split_address(str(address))[0])
    except ValueError:
        return True  # no address: that is told already


def _not_yet(document: Document) -> Iterator[tuple[yamlfile.Path, str]]:
    """Keys that this version cannot honour: to serve as if it did would be to promise what does not hold."""
    later: list[tuple[yamlfile.Path, str]] = [
        (("identity", "mtls"), "mTLS identity"),
        (("identity", "jwt"), "token identity"),
        (("tls", "client_ca"), "a client certificate authority"),
        (("listen_token",), "token identity"),
    ]
    for path, feature in later:
        if document.at(path):
            yield path, f"{yamlfile.dotted(path)}: {feature} is not in this version yet"


def _length(document: Document, key: str) -> int:
    value = document.at((key,))
    return len(value) if isinstance(value, list) else 0
