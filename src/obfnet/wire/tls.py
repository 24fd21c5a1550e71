"""TLS to the backend: whom to believe, and how to say who asks."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from obfnet.errors import (
    BackendDeniedError,
    BackendError,
    BackendUntrustedError,
    SpecError,
)


@dataclass(frozen=True)
class Tls:
    """How a connection is secured: at least TLS 1.2, and the host's name is always checked.

    Args:
        authority: file of the certificate authorities that are believed, PEM; no other is then,
            not even the system's. None believes the system's.
        certificate: file of the client's own certificate with its chain, PEM (mutual TLS).
        key: file of its private key, PEM and not encrypted; None where it is in ``certificate``.

    Raises:
        SpecError: a key without a certificate.
    """

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        if self.key is not None and self.certificate is None:
            raise SpecError("tls has a key and no certificate, expected both for mutual TLS")

    def context(self) -> ssl.SSLContext:
        """What a connection is made with.

        Raises:
            SpecError: a file that cannot be read or holds nothing of the kind.
        """
        # Not create_default_context: it would write session keys to a file that a variable of
        # the environment names.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificate and host name
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            if self.authority is None:
                context.load_default_certs()
            else:
                context.load_verify_locations(self.authority)
            if self.certificate is not None:
                # A password, though an empty one: a device has nobody to ask for it.
                context.load_cert_chain(self.certificate, self.key, password="")
        except OSError as error:  # SSLError is one
            raise SpecError(
                f"{self} cannot be used ({error}): expected PEM files, the private key not "
                "encrypted and of this certificate"
            ) from error
        return context


def final(error: BaseException, url: str) -> BackendError | None:
    """What an error of TLS means if trying again would not help, else None."""
    if not isinstance(error, ssl.SSLError) or isinstance(
        error, ssl.SSLEOFError | ssl.SSLZeroReturnError
    ):
        return None
    if isinstance(error, ssl.SSLCertVerificationError):
        return BackendUntrustedError(
            f"{url} showed a certificate that is not believed: {error.verify_message}: check the "
            "address, the authority that is pinned, and this device's clock"
        )
    if "ALERT" in (error.reason or ""):  # the other end's word
        return BackendDeniedError(
            f"{url} ended the TLS connection ({error.reason}): check the client's certificate and "
            "whether the backend believes who issued it"
        )
    return BackendUntrustedError(
        f"{url} speaks no TLS of version 1.2 or later ({error.reason}): check scheme and port"
    )
