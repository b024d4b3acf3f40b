"""Checks the certificate of a correction against the keys a registry publishes.

Source: docs/protocol.md, section 10.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from registry.client.problems import AnswerNotTrusted
from registry.client.receipts import log_public_key
from registry.client.results import LogKey
from registry.crypto.signature import Compact, split_compact, verify
from registry.kernel import strict_json

CERTIFICATE_TYPE = "ccr-certificate+jwt"
CERTIFICATE_BYTES_MAX = 4 * 1024 * 1024

_HEADER_MEMBERS = frozenset({"alg", "kid", "typ"})


class CertificateNotVerified(AnswerNotTrusted):
    """The certificate is not one this registry signed."""


def certificate_issuer(text: str) -> str:
    """Whose certificate it says it is; not believed, only where to look for the key.

    Raises: CertificateNotVerified.
    """
    issuer = _claims(_split(text)).get("iss")
    if not isinstance(issuer, str):
        raise CertificateNotVerified("the certificate names no issuer")
    return issuer


def verify_certificate(text: str, *, origin: str, logs: Sequence[LogKey]) -> Mapping[str, Any]:
    """What the certificate says, once its signature has verified under a key of `logs`.

    Any: its members, as docs/protocol.md lists them. Raises: CertificateNotVerified.
    """
    compact = _split(text)
    if compact.header.keys() != _HEADER_MEMBERS or compact.header["typ"] != CERTIFICATE_TYPE:
        raise CertificateNotVerified("the header is not a certificate's")
    keys = [log_public_key(log.vkey) for log in logs]
    key = next((each for each in keys if each.kid == compact.header["kid"]), None)
    if key is None or not verify(compact, key):
        raise CertificateNotVerified("the signature does not verify under the registry's key")
    claims = _claims(compact)
    if claims.get("iss") != origin:
        raise CertificateNotVerified("the certificate is another registry's")
    return claims


def _split(text: str) -> Compact:
    try:
        return split_compact(text, CERTIFICATE_BYTES_MAX)
    except ValueError as error:
        raise CertificateNotVerified(f"the certificate cannot be read: {error}") from error


def _claims(compact: Compact) -> Mapping[str, Any]:
    try:
        claims = strict_json.parse(compact.claims)
    except strict_json.MalformedJson as error:
        raise CertificateNotVerified("the certificate cannot be read") from error
    if not isinstance(claims, dict):
        raise CertificateNotVerified("the certificate cannot be read")
    return claims
