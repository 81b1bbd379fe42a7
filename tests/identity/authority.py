"""A certificate authority for tests: its workloads' certificates may say whatever a test wants them to say."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_HOUR = 3_600.0


@dataclass(frozen=True)
class Pair:
    """A certificate chain and its key, in PEM."""

    certificate: bytes
    key: bytes

    def write(self, folder: Path, name: str = "tls") -> dict[str, str]:
        """Write both, the key last; their paths."""
        files = {"certificate": folder / f"{name}.crt", "key": folder / f"{name}.key"}
        files["certificate"].write_bytes(self.certificate)
        files["key"].write_bytes(self.key)
        return {what: str(file) for what, file in files.items()}


class Authority:
    """One root and what it signs."""

    def __init__(self, name: str = "root") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(self._name, self._name, self._key, seconds=_HOUR)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.pem = builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def server(self, seconds: float = _HOUR) -> Pair:
        """A gateway's certificate, for 127.0.0.1."""
        return self._pair("gateway", [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))], seconds, None)

    def workload(
        self,
        uris: Sequence[str] = (),
        *,
        dns: Sequence[str] = (),
        emails: Sequence[str] = (),
        name: str = "workload",
        seconds: float = _HOUR,
        usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH,
    ) -> Pair:
        """A workload's certificate; `seconds` from now it expires."""
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri) for uri in uris]
        names += [x509.DNSName(each) for each in dns]
        names += [x509.RFC822Name(each) for each in emails]
        return self._pair(name, names, seconds, usage)

    def _pair(
        self, name: str, names: Sequence[x509.GeneralName], seconds: float, usage: x509.ObjectIdentifier | None
    ) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(subject, self._name, key, seconds)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if usage is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        made = builder.sign(self._key, hashes.SHA256())
        return Pair(
            made.public_bytes(serialization.Encoding.PEM),
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, seconds: float
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(seconds=seconds))
    )
