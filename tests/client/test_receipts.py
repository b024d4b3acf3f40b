"""Receipts: only what the published key signed, for this registry, in time."""

import base64
import hashlib
import json
from datetime import timedelta

import pytest
from joserfc import jws
from joserfc.jwk import OKPKey

from registry.client import AnswerNotUnderstood, Receipt, ReceiptNotVerified, Registry
from registry.client.receipts import log_public_key
from tests.client.little_log import ENTRY, ENTRY_BYTES, b64u, unb64u
from tests.client.little_registry import LittleRegistry


def signed_by_hand(server: LittleRegistry, header: dict[str, object], claims: object) -> str:
    """A JWS with any header over any claims, by the registry's key."""
    head = b64u(json.dumps(header).encode())
    body = b64u(json.dumps(claims).encode())
    private = server.node_key.private_key
    assert private is not None
    return f"{head}.{body}.{b64u(private.sign(f'{head}.{body}'.encode()))}"  # type: ignore[call-arg, union-attr, arg-type]


def test_receipt_promises_one_entry(registry: Registry, server: LittleRegistry) -> None:
    """A verified receipt tells log, entry, leaf and until when."""
    receipt = registry.verify_receipt(server.receipt("access"))
    assert (
        Receipt(
            origin=server.origin,
            log="access",
            entry=receipt.entry,
            leaf=hashlib.sha256(b"\x00" + ENTRY_BYTES).digest(),
            issued_at=server.now(),
            merge_by=server.now() + timedelta(seconds=60),
        )
        == receipt
    )
    assert ENTRY == receipt.entry


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://another.example"},
        {"log": "appeals"},
        {"log": None},
        {"entry": "ent_1"},
        {"entry": ENTRY.upper()},
        {"leaf": b64u(bytes(31))},
        {"leaf": "***"},
        {"iat": "now"},
        {"merge_by": 0},
        {"merge_by": 10**20},
        {"iat": True},
    ],
)
def test_receipt_that_says_something_else_is_refused(
    registry: Registry, server: LittleRegistry, changes: dict[str, object]
) -> None:
    """The right signature under the wrong words is not enough."""
    with pytest.raises(ReceiptNotVerified):
        registry.verify_receipt(server.receipt("access", **changes))


def test_receipt_that_promises_later_than_a_minute_is_refused(
    registry: Registry, server: LittleRegistry
) -> None:
    """An entry is merged within 60 seconds, and a receipt that says later is none."""
    later = int(server.now().timestamp()) + 61
    with pytest.raises(ReceiptNotVerified, match="late"):
        registry.verify_receipt(server.receipt("access", merge_by=later))


@pytest.mark.parametrize("part", [0, 1, 2])
def test_changed_receipt_is_refused(registry: Registry, server: LittleRegistry, part: int) -> None:
    """One bit anywhere, and it does not verify."""
    parts = server.receipt("access").split(".")
    data = bytearray(unb64u(parts[part]))
    data[len(data) // 2] ^= 1
    parts[part] = b64u(bytes(data))
    with pytest.raises(ReceiptNotVerified):
        registry.verify_receipt(".".join(parts))


@pytest.mark.parametrize(
    "changes",
    [{"typ": "JWT"}, {"alg": "none"}, {"alg": "HS256"}, {"crit": ["x"]}, {"kid": "another"}],
)
def test_header_is_exactly_a_receipts(
    registry: Registry, server: LittleRegistry, changes: dict[str, object]
) -> None:
    """Another type, algorithm, key or member more: refused, though the signature is right."""
    receipt = server.receipt("access")
    header = json.loads(unb64u(receipt.split(".")[0])) | changes
    claims = json.loads(unb64u(receipt.split(".")[1]))
    with pytest.raises(ReceiptNotVerified):
        registry.verify_receipt(signed_by_hand(server, header, claims))


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", "....", "é.é.é", "x" * 5000])
def test_text_that_is_no_receipt_is_refused(registry: Registry, text: str) -> None:
    """Nonsense is not verified, and breaks nothing."""
    with pytest.raises(ReceiptNotVerified):
        registry.verify_receipt(text)


def test_signature_of_somebody_else_is_refused(registry: Registry, server: LittleRegistry) -> None:
    """Another key under the published key's name does not verify."""
    registry.well_known()
    header = {"alg": "EdDSA", "kid": server.node_key.thumbprint(), "typ": "ccr-receipt+jwt"}
    claims = unb64u(server.receipt("access").split(".")[1])
    other = OKPKey.generate_key("Ed25519")
    forged = jws.serialize_compact(header, claims, other, algorithms=["EdDSA"])
    with pytest.raises(ReceiptNotVerified, match="signature"):
        registry.verify_receipt(forged)


def test_new_key_of_the_registry_is_looked_up(registry: Registry, server: LittleRegistry) -> None:
    """A receipt under a key not known yet makes the client ask again, once."""
    registry.well_known()
    server.node_key = OKPKey.generate_key("Ed25519")
    assert "access" == registry.verify_receipt(server.receipt("access")).log
    assert 2 == len(server.seen)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "name+00000000",
        "name+00000000+AAAA",
        "name+00000000+" + base64.b64encode(b"\x01" + bytes(31)).decode(),
        "name+00000000+" + base64.b64encode(b"\x02" + bytes(32)).decode(),
        "name+00000000+" + base64.b64encode(b"\x01" + bytes(32)).decode(),
        "name+00000000+####",
    ],
)
def test_verifier_key_is_read_strictly(vkey: str) -> None:
    """Another kind of key, or an id that is not this key's, is not understood."""
    with pytest.raises(AnswerNotUnderstood):
        log_public_key(vkey)
