"""What no single key says: keys that exclude each other, and keys whose feature this version does not have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from emrgateway_server import yamlfile, yamlmodel
from emrgateway_server.settings.sections import Limits, Settings
from emrgateway_server.settings.values import is_loopback, split_address
from emrgateway_server.yamlfile import Document, Problem

_WAYS = ("insecure", "mtls", "jwt")


def contradictions(document: Document) -> list[Problem]:
    """What a file's keys say against each other.

    It reads what the file says, not the settings, so that these mistakes are told beside those of single keys.
    """
    found = [
        *_identity_mistakes(document),
        *_limit_mistakes(document),
        *_rate_mistakes(document),
        *_ledger_mistakes(document),
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
