"""What gateway.yaml names and does not hold: certificates and keys, the policy directory."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

from emrgateway_server import yamlfile
from emrgateway_server.yamlfile import Document, Problem


def key_pair(certificate: str, key: str) -> tuple[bytes, bytes]:
    """The key and the certificate chain, checked: gRPC takes anything, and fails the port without saying why.

    ValueError where they are no pair, or cannot be read.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
        return Path(key).read_bytes(), Path(certificate).read_bytes()
    except OSError as error:  # ssl.SSLError is one
        reason = getattr(error, "reason", None) or error.strerror or str(error)
        message = f"{certificate}, {key}: no certificate chain and its unencrypted key in PEM ({reason})"
        raise ValueError(message) from error


def bundle(file: str) -> bytes:
    """A bundle of roots, checked: of one that holds none gRPC says nothing, and lets nobody in.

    ValueError where it holds none, or cannot be read.
    """
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_verify_locations(file)
        return Path(file).read_bytes()
    except OSError as error:  # ssl.SSLError is one
        reason = getattr(error, "reason", None) or error.strerror or str(error)
        raise ValueError(f"{file}: no certificates in PEM ({reason})") from error


def mistakes(document: Document, base: Path) -> list[Problem]:
    """What is not there, or is not what it should be; relative paths are below `base`."""
    certificate, key = ("tls", "certificate"), ("tls", "key")
    found = [*_unreadable(document, certificate, base), *_unreadable(document, key, base)]
    files = [_named(document, path, base) for path in (certificate, key)]
    if not found and None not in files:
        try:
            key_pair(*map(str, files))
        except ValueError as error:
            found.append(document.problem(("tls",), f"tls: {error}"))
    found += _no_bundles(document, base)
    found += [problem for path in _files_of_issuers(document) for problem in _unreadable(document, path, base)]
    return [*found, *_unreadable(document, ("policy", "directory"), base)]


def _no_bundles(document: Document, base: Path) -> Iterator[Problem]:
    issuers = document.at(("identity", "jwt"))
    paths: list[yamlfile.Path] = [("tls", "client_ca")]
    paths += [
        ("identity", "jwt", index, "jwks_ca") for index in range(len(issuers) if isinstance(issuers, list) else 0)
    ]
    for path in paths:
        unreadable = list(_unreadable(document, path, base))
        yield from unreadable
        named = _named(document, path, base)
        if named is not None and not unreadable:
            try:
                bundle(str(named))
            except ValueError as error:
                yield document.problem(path, f"{yamlfile.dotted(path)}: {error}")


def _files_of_issuers(document: Document) -> Iterator[yamlfile.Path]:
    issuers = document.at(("identity", "jwt"))
    for index in range(len(issuers) if isinstance(issuers, list) else 0):
        yield ("identity", "jwt", index, "jwks_file")


def directory(document: Document, base: Path) -> Path | None:
    """The policy directory, where one is named and can be read."""
    path = ("policy", "directory")
    return None if list(_unreadable(document, path, base)) else _named(document, path, base)


def _unreadable(document: Document, path: yamlfile.Path, base: Path) -> Iterator[Problem]:
    named = _named(document, path, base)
    try:
        if named is not None:
            list(named.iterdir()) if path[-1] == "directory" else named.open("rb").close()
    except (OSError, ValueError) as error:  # ValueError: a null character
        reason = getattr(error, "strerror", None) or str(error)
        yield document.problem(path, f"{yamlfile.dotted(path)}: {named} cannot be read: {reason}")


def _named(document: Document, path: yamlfile.Path, base: Path) -> Path | None:
    said = document.at(path)
    return Path(base, said) if isinstance(said, str) and said and not document.is_told(path) else None
