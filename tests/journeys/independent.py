"""A member's client written apart from the registry, from docs/protocol.md alone.

It imports nothing of the program: keys and signatures by `cryptography`, the VOPRF
in pure Python beside it, receipts verified by `joserfc`, HTTP by `http.client`.
Everything it sends that must never reach a log is remembered in `secrets_sent`.
"""

import base64
import hashlib
import hmac
import http.client
import json
import secrets
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import OKPKey

from tests.journeys import oprf

TIMEOUT_SECONDS = 60
WELL_KNOWN = "/.well-known/consumer-credit-registry"

# What no line of the server may ever hold.
secrets_sent: set[str] = set()
# Identifiers, tokens and seeds: what no database may hold in clear either.
never_stored: set[bytes] = set()


def b64u(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64u(text: str) -> bytes:
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert b64u(data) == text, "one value has one text"
    return data


def compact_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class Key:
    """A member's private key, Ed25519 or P-256, and the JWS it makes."""

    def __init__(self, algorithm: str = "EdDSA") -> None:
        self.algorithm = algorithm
        if algorithm == "EdDSA":
            self.private: Any = Ed25519PrivateKey.generate()
            x = self.private.public_key().public_bytes_raw()
            self.jwk = {"crv": "Ed25519", "kty": "OKP", "x": b64u(x)}
        else:
            self.private = ec.generate_private_key(ec.SECP256R1())
            numbers = self.private.public_key().public_numbers()
            x, y = (b64u(each.to_bytes(32, "big")) for each in (numbers.x, numbers.y))
            self.jwk = {"crv": "P-256", "kty": "EC", "x": x, "y": y}
        self.kid = thumbprint(self.jwk)

    def sign(self, data: bytes) -> bytes:
        if self.algorithm == "EdDSA":
            signature: bytes = self.private.sign(data)
            return signature
        r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def compact(self, header: object, claims: object) -> str:
        """A compact JWS over these two JSON values, or over bytes as they are."""
        parts = [
            each if isinstance(each, bytes) else compact_json(each) for each in (header, claims)
        ]
        signing_input = ".".join(map(b64u, parts))
        return f"{signing_input}.{b64u(self.sign(signing_input.encode()))}"

    def proof(self, origin: str) -> str:
        """The proof of possession an operator registers the key by."""
        now = int(time.time())
        return self.compact(
            {"alg": self.algorithm, "typ": "ccr-key-proof+jwt", "jwk": self.jwk},
            {"aud": origin, "iat": now, "exp": now + 3600, "jti": b64u(secrets.token_bytes(16))},
        )


def thumbprint(jwk: Mapping[str, str]) -> str:
    """Source: RFC 7638."""
    canonical = json.dumps(jwk, sort_keys=True, separators=(",", ":"))
    return b64u(hashlib.sha256(canonical.encode()).digest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, and the wire it came over."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def type(self) -> str:
        """The last part of the problem's type."""
        slug: str = self.json["type"].rpartition("/")[2]
        return slug


def send(
    address: tuple[str, int],
    method: str,
    target: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request over a connection of its own."""
    connection = http.client.HTTPConnection(*address, timeout=TIMEOUT_SECONDS)
    try:
        return exchange(connection, method, target, body=body, headers=headers)
    finally:
        connection.close()


def exchange(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request over an open connection, the target sent as it is given."""
    # http.client refuses targets that a server must be able to refuse by itself.
    connection._validate_path = lambda url: None  # type: ignore[attr-defined]
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, value in (headers or {}).items():
        connection.putheader(name, value)
    if body is not None and "Transfer-Encoding" not in (headers or {}):
        connection.putheader("Content-Length", str(len(body)))
    # Refused before all of a body was sent: the answer may be there already.
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.endheaders(body)
    response = connection.getresponse()
    found = {name.lower(): value for name, value in response.getheaders()}
    return Answer(status=response.status, headers=found, body=response.read())


@dataclass(slots=True, kw_only=True)
class Member:
    """An admitted member that signs each of its calls."""

    id: str
    key: Key
    origin: str
    address: tuple[str, int]
    connection: http.client.HTTPConnection | None = field(default=None, repr=False)

    def claims(self, method: str, target: str, body: bytes | None) -> dict[str, Any]:
        """The claims of a fresh signed request."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.id,
            "sub": self.id,
            "aud": self.origin,
            "iat": now,
            "exp": now + 60,
            "jti": b64u(secrets.token_bytes(16)),
            "htm": method,
            "htu": target,
        }
        if body:
            claims["bsh"] = b64u(hashlib.sha256(body).digest())
        return claims

    def header(self) -> dict[str, Any]:
        """The JOSE header of a signed request."""
        return {"alg": self.key.algorithm, "kid": self.key.kid, "typ": "ccr-request+jwt"}

    def jwt(self, method: str, target: str, body: bytes | None = None) -> str:
        """A signed request for one call."""
        jwt = self.key.compact(self.header(), self.claims(method, target, body))
        secrets_sent.add(jwt)
        return jwt

    def call(
        self,
        method: str,
        target: str,
        document: object = None,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        jwt: str | None = None,
    ) -> Answer:
        """One signed call: of a JSON document, or of these bytes as they are."""
        if document is not None:
            body = compact_json(document)
        every = {"Authorization": f"Bearer {jwt or self.jwt(method, target, body)}"}
        if body is not None:
            every["Content-Type"] = "application/json"
        every |= headers or {}
        if self.connection is not None:
            return exchange(self.connection, method, target, body=body, headers=every)
        return send(self.address, method, target, body=body, headers=every)

    @contextmanager
    def one_connection(self) -> Iterator[None]:
        """Makes the calls inside over one connection."""
        connection = http.client.HTTPConnection(*self.address, timeout=TIMEOUT_SECONDS)
        with closing(connection) as self.connection:
            yield
        self.connection = None

    def directory(self) -> Any:
        """The well-known document."""
        return send(self.address, "GET", WELL_KNOWN).json

    def tokens(self, *identifiers: tuple[str, str]) -> list[dict[str, str]]:
        """The identity tokens of (type, canonical form) pairs, with their proof verified."""
        directory = self.directory()
        (key,) = [each for each in directory["keys"] if each["status"] == "current"]
        assert (1, "ristretto255-SHA512") == (key["threshold"], key["suite"])
        (node,) = key["nodes"]
        inputs = [oprf_input(directory["federation"], *each) for each in identifiers]
        blinded = [oprf.blind(each) for each in inputs]
        answer = self.call(
            "POST",
            "/v1/evaluations",
            {"key_id": key["key_id"], "blinded": [b64u(each.element) for each in blinded]},
        )
        assert answer.status == 200, answer.body
        evaluated = [unb64u(each) for each in answer.json["evaluated"]]
        oprf.verify_proof(
            unb64u(node["share_public_key"]),
            [each.element for each in blinded],
            evaluated,
            unb64u(answer.json["proof"]),
        )
        secrets_sent.update(canonical for _, canonical in identifiers)
        never_stored.update(canonical.encode() for _, canonical in identifiers)
        return [
            {"type": kind, "key_id": key["key_id"], "token": self._token(each, got, key["key_id"])}
            for (kind, _), each, got in zip(identifiers, blinded, evaluated, strict=True)
        ]

    def _token(self, blinded: oprf.Blinded, evaluated: bytes, key_id: str) -> str:
        y = oprf.finalize(blinded, evaluated)
        token = hmac.digest(y, b"ccr-token-v1\0" + key_id.encode(), "sha256")
        seed = hmac.digest(token, b"ccr-seed-v1", "sha256")
        secrets_sent.update((b64u(token), token.hex()))
        never_stored.update((token, b64u(token).encode(), seed, b64u(seed).encode()))
        return b64u(token)


def oprf_input(federation: str, kind: str, canonical: str) -> bytes:
    """x, the input of the function for one identifier."""
    parts = [each.encode() for each in (federation, kind, canonical)]
    return b"ccr-id-v1\0" + b"".join(len(each).to_bytes(2, "big") + each for each in parts)


def seed_of(token: str) -> str:
    """What peers exchange, in base64url."""
    return b64u(hmac.digest(unb64u(token), b"ccr-seed-v1", "sha256"))


def verify_receipt(receipt: str, directory: Mapping[str, Any], log: str) -> dict[str, Any]:
    """The claims of a receipt, signed by the key the well-known document names for `log`."""
    (named,) = [each for each in directory["logs"] if each["name"] == log]
    # The C2SP key type and the base64 alphabet have a "+" of their own.
    name, key_hash, encoded = named["vkey"].split("+", 2)
    key = base64.b64decode(encoded, validate=True)
    assert (named["origin"], b"\1", 33) == (name, key[:1], len(key))
    assert hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8] == key_hash
    jwk = {"crv": "Ed25519", "kty": "OKP", "x": b64u(key[1:])}
    with warnings.catch_warnings():
        # RFC 9864 would call the algorithm Ed25519; the wire says EdDSA, as RFC 8037.
        warnings.simplefilter("ignore", SecurityWarning)
        checked = jws.deserialize_compact(receipt, OKPKey.import_key(jwk), algorithms=["EdDSA"])
    kid = thumbprint(jwk)
    assert {"alg": "EdDSA", "kid": kid, "typ": "ccr-receipt+jwt"} == checked.headers()
    claims: dict[str, Any] = json.loads(checked.payload)
    assert {"iss", "log", "entry", "leaf", "iat", "merge_by"} == claims.keys()
    assert (directory["origin"], log) == (claims["iss"], claims["log"])
    assert claims["iat"] <= claims["merge_by"] <= claims["iat"] + 60
    return claims


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The 92 bytes of a log entry."""

    log: int
    record_type: int
    milliseconds: int
    uuid: bytes
    header_commitment: bytes
    subject_commitment: bytes


def read_entry(data: bytes) -> Entry:
    """Source: section 6 of the protocol."""
    assert (92, 1) == (len(data), data[0])
    return Entry(
        log=data[1],
        record_type=int.from_bytes(data[2:4], "big"),
        milliseconds=int.from_bytes(data[4:12], "big"),
        uuid=data[12:28],
        header_commitment=data[28:60],
        subject_commitment=data[60:92],
    )


def commitment(salt: str, label: bytes, document: Mapping[str, Any]) -> bytes:
    """C_h or C_s over the RFC 8785 form of `document` (texts and objects only)."""
    canonical = json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    data = canonical.encode()
    message = label + b"\0" + len(data).to_bytes(4, "big") + data
    return hmac.digest(unb64u(salt), message, "sha256")


def opened(member: Member, directory: Mapping[str, Any], receipt: str, log: str) -> Any:
    """The entry a receipt promises, fetched and opened by its maker, every commitment checked."""
    claims = verify_receipt(receipt, directory, log)
    target = f"/v1/receipts/{claims['entry']}"
    shown = member.call("GET", target).json
    data = unb64u(shown["entry"])
    assert b64u(hashlib.sha256(b"\0" + data).digest()) == claims["leaf"]
    entry, opening = read_entry(data), shown["opening"]
    header = commitment(opening["k_h"], b"ccr-hdr-v1", opening["header"])
    subject = commitment(opening["k_s"], b"ccr-sub-v1", opening["subject"])
    assert (entry.header_commitment, entry.subject_commitment) == (header, subject)
    closed: Any = send(member.address, "GET", target).json
    assert (shown["entry"], None) == (closed["entry"], closed["opening"])
    return {"entry": entry, **opening}


def address_of(origin: str) -> tuple[str, int]:
    """Host and port of an origin."""
    parts = urlsplit(origin)
    assert parts.hostname is not None
    return parts.hostname, parts.port or 80
