"""Whoever holds a receipt can see the entry, and its maker what is in it."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import OKPKey

from registry.app.node import Node
from registry.ledger.model import Appended
from tests.ledger.samples import NOW, SEED_TEXT, make_draft
from tests.nodes import Caller, new_caller


def append(node: Node, caller: Caller) -> Appended:
    """An entry that `caller` made."""
    draft = make_draft()
    draft = replace(draft, header=replace(draft.header, member=caller.member.id))
    with node.database.transaction() as transaction:
        [appended] = node.ledger.append(transaction, [draft], NOW)
    return appended


def unb64u(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def canonical(document: Any) -> bytes:
    """RFC 8785 for documents of texts only, by Python's own writer."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


# RFC 9864 prefers the name "Ed25519"; the published protocol says "EdDSA".
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_a_receipt_leads_to_an_entry_that_opens_to_what_was_done(node: Node, app: Flask) -> None:
    """Verified from the published page alone: receipt, leaf, and both commitments."""
    caller = new_caller(node, app, "One")
    receipt = node.ledger.receipt(append(node, caller))
    key = OKPKey.import_key(node.signing_key.public.to_jwk())
    claims = jwt.decode(receipt, key, algorithms=["EdDSA"]).claims

    answer = caller.call("GET", f"/v1/receipts/{claims['entry']}")
    assert 200 == answer.status_code
    document = answer.json
    assert document is not None
    entry = unb64u(document["entry"])
    assert unb64u(claims["leaf"]) == hashlib.sha256(b"\x00" + entry).digest()
    opening = document["opening"]
    for label, member, salt, place in (
        (b"ccr-hdr-v1", "header", "k_h", slice(28, 60)),
        (b"ccr-sub-v1", "subject", "k_s", slice(60, 92)),
    ):
        data = canonical(opening[member])
        framed = label + b"\x00" + len(data).to_bytes(4, "big") + data
        assert entry[place] == hmac.digest(unb64u(opening[salt]), framed, "sha256")
    assert caller.member.id == opening["header"]["member"]
    assert {"seeds": [SEED_TEXT]} == opening["subject"]
    assert (None, None) == (document["inclusion"], document["checkpoint"])


def test_nobody_else_opens_an_entry(node: Node, app: Flask) -> None:
    """Another member and the public see 92 bytes that tell nothing."""
    caller, other = new_caller(node, app, "One"), new_caller(node, app, "Two")
    appended = append(node, caller)
    target = f"/v1/receipts/{appended.entry_id}"
    for answer in (other.call("GET", target), app.test_client().get(target)):
        assert 200 == answer.status_code
        document = answer.json
        assert document is not None
        assert appended.entry == unb64u(document["entry"])
        assert None is document["opening"]
        assert caller.member.id not in answer.text


def test_the_operators_entries_open_to_no_member(node: Node, app: Flask) -> None:
    """An entry without a member is not everybody's."""
    caller = new_caller(node, app, "One")
    draft = make_draft()
    draft = replace(draft, header=replace(draft.header, member=None))
    with node.database.transaction() as transaction:
        [appended] = node.ledger.append(transaction, [draft], NOW)
    for answer in (
        caller.call("GET", f"/v1/receipts/{appended.entry_id}"),
        app.test_client().get(f"/v1/receipts/{appended.entry_id}"),
    ):
        assert answer.json is not None
        assert None is answer.json["opening"]


def test_a_call_signed_wrongly_is_refused_and_not_taken_for_unsigned(
    node: Node, app: Flask
) -> None:
    """A member whose key is revoked must learn so."""
    appended = append(node, new_caller(node, app, "One"))
    answer = app.test_client().get(
        f"/v1/receipts/{appended.entry_id}", headers={"Authorization": "Bearer a.b.c"}
    )
    assert 401 == answer.status_code


@pytest.mark.parametrize(
    "entry_id",
    [
        "ent_01992f5e-7c00-7abc-8def-0123456789ab",
        "lkp_01992f5e-7c00-7abc-8def-0123456789ab",
        "01992f5e-7c00-7abc-8def-0123456789ab",
        "ent_x",
        "%00",
        "ent_01992F5E-7C00-7ABC-8DEF-0123456789AB",
    ],
)
def test_an_entry_that_is_not_there_is_not_found(app: Flask, entry_id: str) -> None:
    """Whatever stands in its place."""
    answer = app.test_client().get(f"/v1/receipts/{entry_id}")
    assert 404 == answer.status_code
    assert answer.json is not None
    assert answer.json["type"].endswith("/problems/entry-not-found")
