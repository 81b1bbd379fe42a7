"""What no single key says: keys that exclude each other, and keys that need others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from emrgateway_server import yamlfile, yamlmodel
from emrgateway_server.settings.sections import JwtSettings, Limits, Settings
from emrgateway_server.settings.values import is_loopback, split_address
from emrgateway_server.yamlfile import Document, Problem

_WAYS = ("insecure", "mtls", "jwt")


def contradictions(document: Document) -> list[Problem]:
    """What a file's keys say against each other.

    It reads what the file says, not the settings, so that these mistakes are told beside those of single keys.
    """
    found = [
        *_identity_mistakes(document),
        *_port_mistakes(document),
        *_issuer_mistakes(document),
        *_limit_mistakes(document),
        *_rate_mistakes(document),
        *_ledger_mistakes(document),
        *_audit_mistakes(document),
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
    listen = _listen(document)
    if "insecure" in ways and not document.is_told(("listen",)) and not _is_loopback_address(listen):
        yield ("listen",), f"identity.insecure serves loopback alone: listen on 127.0.0.1 or [::1], not on {listen}"


def _port_mistakes(document: Document) -> Iterator[tuple[yamlfile.Path, str]]:
    """Which callers come to which port, and that neither certificates nor tokens come to one that is not safe."""
    mtls, jwt = (bool(document.at(("identity", way))) for way in ("mtls", "jwt"))
    has_tls = bool(document.at(("tls",)))
    if document.is_told(("identity",)) or document.is_told(("tls",)):
        return
    if mtls and not document.at(("tls", "client_ca")):
        yield ("identity", "mtls"), "identity.mtls needs tls.client_ca, the bundle that callers' certificates come from"
    if not mtls and document.at(("tls", "client_ca")):
        yield ("tls", "client_ca"), "tls.client_ca is for identity.mtls, and no caller's certificate would be asked for"
    token_port: yamlfile.Path = ("listen_token",) if mtls else ("listen",)
    if document.is_told(("listen_token",)) or document.is_told(("listen",)):
        return
    listen_token = document.at(("listen_token",))
    if mtls and jwt and not listen_token:
        yield (
            ("identity", "jwt"),
            "identity.jwt beside identity.mtls needs listen_token: tokens have a port of their own",
        )
    if listen_token and not (mtls and jwt):
        yield ("listen_token",), "listen_token is for identity.jwt beside identity.mtls; alone, it is listen's"
    if listen_token and listen_token == _listen(document) and split_address(str(listen_token))[1]:
        yield ("listen_token",), "listen_token is the address of listen: each needs its own"
    address = listen_token if mtls else _listen(document)
    if jwt and not has_tls and address and not _is_loopback_address(address):
        yield token_port, f"tokens need tls, or a loopback address, not {address}: whoever sees one can use it"


def _issuer_mistakes(document: Document) -> Iterator[tuple[yamlfile.Path, str]]:
    said = document.at(("identity", "jwt"))
    names: list[object] = []
    for index, issuer in enumerate(said if isinstance(said, list) else ()):
        path: yamlfile.Path = ("identity", "jwt", index)
        if not isinstance(issuer, dict) or document.is_told(path):
            continue
        where = yamlfile.dotted(path)
        if bool(issuer.get("jwks_url")) == bool(issuer.get("jwks_file")):
            yield path, f"{where} needs its keys from one place: jwks_url or jwks_file"
        if issuer.get("jwks_ca") and not issuer.get("jwks_url"):
            yield (*path, "jwks_ca"), f"{where}.jwks_ca is for jwks_url"
        refresh, stale = (_seconds(issuer, f"jwks_{name}_seconds") for name in ("refresh", "max_stale"))
        if stale <= refresh:
            at = (*path, "jwks_max_stale_seconds")
            yield (
                at,
                f"{where}.jwks_max_stale_seconds: above jwks_refresh_seconds ({refresh:g}), or keys lapse in between",
            )
        if issuer.get("issuer") in names:
            yield (*path, "issuer"), f"two issuers are {issuer['issuer']!r}: which of them is meant, no token says"
        names.append(issuer.get("issuer"))


def _seconds(issuer: dict[str, object], key: str) -> float:
    said = issuer.get(key)
    return cast("float", JwtSettings.model_fields[key].default if said is None else said)


def _listen(document: Document) -> object:
    return document.at(("listen",)) or Settings.model_fields["listen"].default


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


def _audit_mistakes(document: Document) -> Iterator[tuple[yamlfile.Path, str]]:
    if document.at(("audit", "requests")) == "full" and document.at(("audit", "path")) in (None, "-"):
        yield ("audit", "requests"), "audit.requests: full keeps the originals beside audit.path: say a file there"


def _ledger_mistakes(document: Document) -> Iterator[tuple[yamlfile.Path, str]]:
    is_table = document.at(("ledger", "kind")) == "dynamodb"
    if is_table and not document.at(("ledger", "table")):
        yield ("ledger", "kind"), "ledger.kind dynamodb needs ledger.table"
    for key in ("table", "region", "endpoint_url"):
        if not is_table and document.at(("ledger", key)):
            yield ("ledger", key), f"ledger.{key} is for kind: dynamodb, and submissions would be kept in memory alone"


def _is_loopback_address(address: object) -> bool:
    try:
        return is_loopback(split_address(str(address))[0])
    except ValueError:
        return True  # no address: that is told already


def _length(document: Document, key: str) -> int:
    value = document.at((key,))
    return len(value) if isinstance(value, list) else 0
