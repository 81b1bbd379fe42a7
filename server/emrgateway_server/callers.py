"""From the settings to the ways by which callers prove who they are."""

from __future__ import annotations

from emrgateway_server import claims
from emrgateway_server.caller import Door
from emrgateway_server.identity import (
    Doors,
    Identity,
    InsecureIdentity,
    Issuer,
    KeyStore,
    Labels,
    MtlsIdentity,
    TokenIdentity,
    key_file,
    key_url,
)
from emrgateway_server.settings import IdentitySettings, JwtSettings, Settings

# A file is looked at as often as the other files are.
FILE_SECONDS = 1.0
# gRPC ends connections up to a tenth later than it is told to (gRFC A9), and then lets their calls end.
AGE_JITTER = 1.1


def tokens(identity: IdentitySettings, labels: Labels) -> TokenIdentity | None:
    """The callers with tokens, where there are any; it fetches nothing before `start`."""
    if not identity.jwt:
        return None
    return TokenIdentity([_issuer(each) for each in identity.jwt], labels)


def doors(settings: Settings, labels: Labels, with_tokens: TokenIdentity | None) -> Doors:
    """Each port's way."""
    identity, limits = settings.identity, settings.limits
    ways: dict[Door, Identity] = {}
    if identity.insecure is not None:
        ways[Door.INSECURE] = InsecureIdentity(identity.insecure.caller, labels)
    if identity.mtls is not None:
        ways[Door.MTLS] = MtlsIdentity(
            identity.mtls.trust_domain,
            labels,
            limits.max_connection_age_seconds * AGE_JITTER + limits.max_deadline_seconds,
        )
    if with_tokens is not None:
        ways[Door.TOKEN] = with_tokens
    return Doors(ways)


def _issuer(settings: JwtSettings) -> Issuer:
    source, seconds = (
        (key_file(settings.jwks_file), min(FILE_SECONDS, settings.jwks_refresh_seconds))
        if settings.jwks_file is not None
        else (key_url(str(settings.jwks_url), settings.jwks_ca), settings.jwks_refresh_seconds)
    )
    return Issuer(
        settings.issuer,
        audience=settings.audience,
        algorithms=settings.algorithms,
        caller_id=claims.parse(settings.caller),
        leeway_seconds=settings.leeway_seconds,
        keys=KeyStore(
            settings.issuer,
            source,
            settings.algorithms,
            refresh_seconds=seconds,
            max_stale_seconds=settings.jwks_max_stale_seconds,
        ),
    )
