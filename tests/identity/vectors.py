"""Writes api_spec/vectors/identity.json: `python -m tests.identity.vectors`.

Normalising, and a batch of evaluations with its one proof, for whoever writes
another client. Single tokens are in identity_tokens.json.
"""

import json
from pathlib import Path
from typing import Any

from registry.crypto import ristretto255, voprf
from registry.crypto.hash_to_group import expand_message_xmd
from registry.crypto.identity_token import identity_token, oprf_input, seed_of
from registry.crypto.ristretto255 import Scalar
from registry.identity.normalise import IdentifierType
from registry.kernel import base64url
from tests.crypto import rfc9496
from tests.identity.tables import ACCEPTED, REFUSED

PATH = Path(__file__).resolve().parents[2] / "api_spec" / "vectors" / "identity.json"

FEDERATION = "federation.example"
KEY_ID = "k1"
BATCH = (
    (IdentifierType.PHONE, "+8613800138000"),
    (IdentifierType.EMAIL, "buyer@shop.example"),
    (IdentifierType.EMAIL, "买家@xn--fsqu00a.xn--fiqs8s"),
    (IdentifierType.PHONE, "+8613800138000"),
)


def document() -> dict[str, Any]:
    """What the file holds."""
    return {
        "about": "docs/protocol.md, section 2. Samples; none is meant to be a person's.",
        "region": "CN",
        "accepted": [
            {"type": kind, "identifier": raw, "canonical": form} for kind, raw, form in ACCEPTED
        ],
        # A lone surrogate, refused like any invisible character, has no JSON.
        "refused": [
            {"type": kind, "identifier": raw, "code": code}
            for kind, raw, code in REFUSED
            if "\ud800" not in raw
        ],
        "batch": _batch(),
        "refused_elements": [
            {"why": "identity element", "element": base64url.encode(bytes(32))},
            {"why": "top bit set", "element": base64url.encode(_with_top_bit())},
            *(
                {"why": "RFC 9496, A.2", "element": base64url.encode(bytes.fromhex(each))}
                for each in rfc9496.INVALID_ENCODINGS
            ),
        ],
    }


def written() -> str:
    """The file's text."""
    return json.dumps(document(), indent=1, ensure_ascii=True) + "\n"


def _batch() -> dict[str, Any]:
    pair = voprf.derive_key_pair(b"\xa3" * 32, b"federation.example k1")
    inputs = [
        oprf_input(federation=FEDERATION, type_name=kind.value, canonical=form)
        for kind, form in BATCH
    ]
    blinded = [
        voprf.blind(data, _scalar(f"blind {position}")) for position, data in enumerate(inputs)
    ]
    elements = [each.element for each in blinded]
    evaluated = voprf.evaluate_unproven(pair, elements)
    evaluation = voprf.Evaluation(
        elements=evaluated, proof=voprf.prove(pair, elements, evaluated, _scalar("nonce"))
    )
    outputs = voprf.finalize(
        inputs=inputs, blinded=blinded, evaluation=evaluation, public_key=pair.public
    )
    tokens = [identity_token(output, KEY_ID) for output in outputs]
    return {
        "federation": FEDERATION,
        "key_id": KEY_ID,
        "secret_key": base64url.encode(pair.secret),
        "public_key": base64url.encode(pair.public),
        "identities": [
            {
                "type": kind,
                "canonical": form,
                "blind": base64url.encode(each.blind),
                "token": base64url.encode(token),
                "seed": base64url.encode(seed_of(token)),
            }
            for (kind, form), each, token in zip(BATCH, blinded, tokens, strict=True)
        ],
        "request": {"key_id": KEY_ID, "blinded": [base64url.encode(each) for each in elements]},
        "proof_nonce": base64url.encode(_scalar("nonce")),
        "answer": {
            "key_id": KEY_ID,
            "evaluated": [base64url.encode(each) for each in evaluated],
            "proof": base64url.encode(evaluation.proof),
        },
    }


def _scalar(name: str) -> Scalar:
    return ristretto255.reduce(expand_message_xmd(name.encode(), b"ccr test vectors", 64))


def _with_top_bit() -> bytes:
    generator = bytes.fromhex(rfc9496.MULTIPLES[1])
    return generator[:-1] + bytes([generator[-1] | 0x80])


if __name__ == "__main__":
    PATH.write_text(written(), encoding="ascii")
