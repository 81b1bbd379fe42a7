"""Identity by a client certificate: an X.509-SVID of one trust domain.

gRPC has verified the chain against the client bundle when the connection was made. The id is read from the certificate
itself, by SPIFFE's own rules (SPIFFE-ID §2, X509-SVID §2): what gRPC says of it ends at a null character, and is read
less strictly. Subject, DNS and e-mail names are never read.

TLS 1.3 lets a client take up a session again for two days, and asks for no certificate then: one that expired longer
ago than any connection lasts is refused here.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import lru_cache

from cryptography import x509

from emrgateway_server.caller import ID_PATTERN, Caller, Peer
from emrgateway_server.identity.labels import Labels
from emrgateway_server.identity.unproven import Reason, Unproven, shown

MOST_KEPT = 4_096
_SCHEME = "spiffe://"
_DOMAIN = re.compile(r"[a-z0-9._-]{1,255}")
_SEGMENT = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]+")
_ID = re.compile(ID_PATTERN)


class MtlsIdentity:
    """Knows the workloads of one trust domain.

    The id is the certificate's one URI (X509-SVID §2: exactly one); where there are several, none of them counts.
    """

    def __init__(
        self, trust_domain: str, labels: Labels, connection_seconds: float, clock: Callable[[], float] = time.time
    ) -> None:
        """`connection_seconds` is how long a connection lasts at most."""
        self._connection_seconds = connection_seconds
        self._clock = clock
        self._trust_domain = trust_domain
        self._labels = labels
        # A few certificates make all the calls; to read one takes longer than to judge most calls.
        self._known = lru_cache(MOST_KEPT)(self._read)

    def identify(self, peer: Peer) -> Caller:
        """The workload whose certificate the connection was made with."""
        certificates = tuple(peer.authentication.get("x509_pem_cert", ()))
        if len(certificates) != 1:
            raise Unproven(Reason.NO_SPIFFE_ID, "no certificate")
        caller, expires = self._known(certificates[0])
        if self._clock() > expires + self._connection_seconds:
            raise Unproven(Reason.EXPIRED, f"the certificate of {caller.id}")
        return caller

    def _read(self, certificate: bytes) -> tuple[Caller, float]:
        uris, expires = _uris(certificate)
        if len(uris) != 1:
            raise Unproven(Reason.NO_SPIFFE_ID, f"the certificate has {len(uris)} URIs, and needs exactly one")
        text = uris[0]
        domain, separator, path = text.removeprefix(_SCHEME).partition("/")
        well_formed = (
            text.startswith(_SCHEME)
            and _DOMAIN.fullmatch(domain)
            and separator
            and all(_SEGMENT.fullmatch(segment) for segment in path.split("/"))
        )
        if not well_formed:
            raise Unproven(Reason.BAD_SPIFFE_ID, shown(text))
        if domain != self._trust_domain:
            raise Unproven(Reason.OTHER_TRUST_DOMAIN, shown(text))
        if not _ID.fullmatch(text):
            raise Unproven(Reason.CALLER_ID, shown(text))
        return Caller(text, self._labels.of(text)), expires


def _uris(certificate: bytes) -> tuple[list[str], float]:
    """The URIs of a certificate, and when it expires."""
    try:
        read = x509.load_pem_x509_certificate(certificate)
        expires = read.not_valid_after_utc.timestamp()
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return names.get_values_for_type(x509.UniformResourceIdentifier), expires
    except x509.ExtensionNotFound:
        return [], expires
    except Exception as error:  # noqa: BLE001 - whatever the parser dislikes about a certificate that OpenSSL took
        raise Unproven(Reason.BAD_SPIFFE_ID, f"a certificate that cannot be read: {type(error).__name__}") from None
