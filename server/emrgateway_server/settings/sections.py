"""The sections of gateway.yaml, frozen."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from emrgateway_server.caller import ID_PATTERN
from emrgateway_server.settings.values import (
    Address,
    Algorithm,
    CallerIdText,
    Duration,
    FilePath,
    GlobText,
    KeysUrl,
    Operation,
    Positive,
    Seconds,
    Url,
)
from emrgateway_server.yamlmodel import Part


class Tls(Part):
    """The server's certificate and key, and the bundle that client certificates are held against."""

    certificate: FilePath
    key: FilePath
    client_ca: FilePath | None = None


class Mtls(Part):
    """Callers with a SPIFFE certificate of one trust domain."""

    # SPIFFE-ID §2.1: what a trust domain may hold; capitals are no other spelling of it, they are an error.
    trust_domain: Annotated[str, Field(pattern=r"^[a-z0-9._-]{1,255}$")]


class JwtSettings(Part):
    """Callers with a token of one issuer."""

    issuer: Annotated[str, Field(min_length=1)]
    audience: Annotated[str, Field(min_length=1)]
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)]
    jwks_url: KeysUrl | None = None
    jwks_ca: FilePath | None = None
    jwks_file: FilePath | None = None
    caller: CallerIdText
    leeway_seconds: Seconds = 30
    jwks_refresh_seconds: Duration = 300
    jwks_max_stale_seconds: Duration = 86_400


class Insecure(Part):
    """Everyone is this caller: for the sandbox, on loopback alone."""

    caller: Annotated[str, Field(pattern=ID_PATTERN)]


class IdentitySettings(Part):
    """How callers prove who they are."""

    mtls: Mtls | None = None
    jwt: tuple[JwtSettings, ...] = ()
    insecure: Insecure | None = None


class CallerLabels(Part):
    """Labels of the callers whose id matches; the first match of each label wins."""

    match: GlobText
    labels: dict[str, str]


class PolicyFiles(Part):
    """Where policy lives, and how often to look for a change."""

    directory: FilePath
    reload_seconds: Seconds = 1


class AssumeRole(Part):
    """The role that reaches a target's account."""

    role_arn: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[!-~]{1,512}$")]
    # The bounds are those of STS's AssumeRole.
    external_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+=,.@:/-]{2,1224}$")] | None = None
    session_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+=,.@-]{2,64}$")] = "emr-gateway"


class Rate(Part):
    """What AWS allows the whole deployment of one operation, in one account and region: a token bucket."""

    per_second: Positive
    burst: Annotated[int, Field(ge=1)] = 1


class TargetSettings(Part):
    """One account and region, and the applications that live there."""

    name: Annotated[str, Field(min_length=1)]
    account: Annotated[str, Field(pattern=r"^[0-9]{12}$")]
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    assume_role: AssumeRole | None = None
    endpoint_url: Url | None = None
    applications: Annotated[tuple[GlobText, ...], Field(min_length=1)] = ("**",)
    rates: dict[Operation, Rate] = Field(default={})


class Ledger(Part):
    """Where submissions are remembered."""

    kind: Literal["memory", "dynamodb"] = "memory"
    max_entries: Annotated[int, Field(ge=1)] = 100_000
    ttl_hours: Positive = 24
    upstream_token_hours: Positive = 8
    on_error: Literal["fail", "continue"] = "fail"
    table: str | None = None
    region: str | None = None
    endpoint_url: Url | None = None


class Audit(Part):
    """Where decisions are written down."""

    path: FilePath = "-"
    on_error: Literal["fail", "continue"] = "continue"
    requests: Literal["none", "full"] = "none"
    fsync: Literal["never", "interval", "always"] = "interval"


class Limits(Part):
    """Bounds on callers and on ourselves."""

    max_deadline_seconds: Duration = 60
    reply_margin_seconds: Seconds = 0.1
    max_message_bytes: Annotated[int, Field(ge=1_024, le=4_194_304)] = 524_288
    # Each is a thread, and a container is commonly held to 1,024 of them, those of parked calls included.
    max_in_flight: Annotated[int, Field(ge=1, le=384)] = 256
    queue_per_target: Annotated[int, Field(ge=1)] = 256
    max_watch_streams: Annotated[int, Field(ge=1, le=100_000)] = 4_096
    max_connection_age_seconds: Duration = 600
    drain_pause_seconds: Seconds = 2
    drain_seconds: Seconds = 30


class Telemetry(Part):
    """What telemetry may add to a job."""

    job_traceparent: bool = True


class Prices(Part):
    """What capacity costs, for `max_cost_usd`."""

    currency: Literal["USD"] = "USD"
    vcpu_hour: Positive
    memory_gb_hour: Positive
    disk_gb_hour: Positive


class Settings(Part):
    """All of `gateway.yaml`."""

    listen: Address = "0.0.0.0:50051"
    listen_token: Address | None = None
    metrics: Address | None = "0.0.0.0:9464"
    tls: Tls | None = None
    identity: IdentitySettings
    callers: tuple[CallerLabels, ...] = ()
    policy: PolicyFiles
    targets: Annotated[tuple[TargetSettings, ...], Field(min_length=1)]
    replicas: Annotated[int, Field(ge=1)] = 1
    ledger: Ledger = Ledger()
    audit: Audit = Audit()
    limits: Limits = Limits()
    telemetry: Telemetry = Telemetry()
    prices: Prices | None = None
