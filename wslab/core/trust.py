"""Which certificates a wss:// connection trusts, and which it presents; checked before anything is sent."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from wslab.core.arguments import check_flag
from wslab.core.errors import BadValueError, in_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """TLS settings of a client.

    Fields:
        ca: a certificate file (PEM) or a folder of them, trusted instead of the system's. None: the system's.
        insecure: accept any certificate; every result says so.
        certificate, key: the client's own (PEM), for a server that asks for one. No key: the certificate's file has it.
        server_name: sent in the handshake (SNI) and compared with the certificate. None: the URL's host.

    Raises:
        BadValueError: a file is missing or holds no certificate, or the key does not belong to the certificate.
    """

    ca: Path | None = None
    insecure: bool = False
    certificate: Path | None = None
    key: Path | None = None
    server_name: str | None = None

    def __post_init__(self) -> None:
        check_flag("insecure", self.insecure)
        if self.ca is not None and self.insecure:
            raise BadValueError("ca and insecure contradict each other: trust either this authority or anyone")
        if self.key is not None and self.certificate is None:
            raise BadValueError("key is given without a certificate; give the client certificate that it belongs to")
        if not self.is_default:  # the system's authorities always exist, and take a while to read
            self.context()

    @property
    def is_default(self) -> bool:
        return not any((self.ca, self.insecure, self.certificate, self.server_name))

    def context(self) -> ssl.SSLContext:
        """Return a new context, for any number of connections."""
        context = self._authorities()
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.certificate is not None:
            self._present(context)
        return context

    def _authorities(self) -> ssl.SSLContext:
        if self.ca is None:
            return ssl.create_default_context()
        try:
            if self.ca.is_dir():
                return ssl.create_default_context(capath=str(self.ca))
            return ssl.create_default_context(cafile=str(self.ca))
        except OSError as error:  # an ssl.SSLError is one too
            raise BadValueError(
                f"ca is {str(self.ca)!r}, which holds no readable certificate: {in_words(error, named=False)}; "
                "give a file in PEM form, which begins with -----BEGIN CERTIFICATE-----"
            ) from None

    def _present(self, context: ssl.SSLContext) -> None:
        assert self.certificate is not None
        try:
            context.load_cert_chain(self.certificate, self.key, password=lambda: "")  # else OpenSSL asks the terminal
        except (OSError, ValueError) as error:
            raise BadValueError(
                f"certificate is {str(self.certificate)!r}, which cannot be used: {in_words(error, named=False)}; "
                "give certificate and key in PEM form, the key without a password"
            ) from None


def not_trusted(error: ssl.SSLError) -> str:
    """Say why TLS failed, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"{type(error).__name__}: its certificate is not trusted: {error.verify_message.rstrip('.')}; name the "
            "authority (--ca) or the name on the certificate (--server-name), or trust anyone (--insecure)"
        )
    if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"):
        return f"{type(error).__name__}: the server there does not speak TLS; write ws:// if that is what you meant"
    return in_words(error)
