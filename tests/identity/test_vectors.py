"""The published identity vectors are what this program computes."""

import json

import pytest

from registry.crypto import voprf
from registry.crypto.identity_token import identity_token, oprf_input, seed_of
from registry.crypto.ristretto255 import scalar
from registry.crypto.voprf import InvalidElement
from registry.identity.normalise import IdentifierType, InvalidIdentifier, normalise
from registry.kernel import base64url, strict_json
from tests.identity import vectors

PUBLISHED = strict_json.parse(vectors.PATH.read_bytes())
BATCH = PUBLISHED["batch"]


def test_the_file_is_the_one_this_program_writes() -> None:
    """Run `python -m tests.identity.vectors` after a change of the tables."""
    assert vectors.written() == vectors.PATH.read_text(encoding="ascii")
    assert json.loads(vectors.written()) == PUBLISHED


def test_the_lists_hold_for_the_normaliser() -> None:
    """Each accepted identifier gives its form, each refused one its code."""

    def outcome(vector: dict[str, str]) -> str:
        try:
            kind = IdentifierType(vector["type"])
            return normalise(kind, vector["identifier"], PUBLISHED["region"])
        except InvalidIdentifier as refusal:
            return refusal.code

    listed = PUBLISHED["accepted"] + PUBLISHED["refused"]
    expected = [vector.get("canonical") or vector["code"] for vector in listed]
    assert expected == [outcome(vector) for vector in listed]


def test_a_client_gets_the_published_tokens_from_the_published_answer() -> None:
    """Blind, verify the batch's proof, finalise: no secret key is needed."""
    inputs, blinded = [], []
    for each in BATCH["identities"]:
        inputs.append(
            oprf_input(
                federation=BATCH["federation"],
                type_name=each["type"],
                canonical=each["canonical"],
            )
        )
        blinded.append(voprf.blind(inputs[-1], scalar(base64url.decode(each["blind"]))))
    assert BATCH["request"]["blinded"] == [base64url.encode(one.element) for one in blinded]
    outputs = voprf.finalize(
        inputs=inputs,
        blinded=blinded,
        evaluation=voprf.Evaluation(
            elements=tuple(map(base64url.decode, BATCH["answer"]["evaluated"])),
            proof=base64url.decode(BATCH["answer"]["proof"]),
        ),
        public_key=base64url.decode(BATCH["public_key"]),
    )
    tokens = [identity_token(output, BATCH["key_id"]) for output in outputs]
    assert [each["token"] for each in BATCH["identities"]] == list(map(base64url.encode, tokens))
    seeds = [base64url.encode(seed_of(token)) for token in tokens]
    assert [each["seed"] for each in BATCH["identities"]] == seeds
    assert seeds[0] == seeds[3]
    assert 3 == len(set(seeds))


@pytest.mark.parametrize("vector", PUBLISHED["refused_elements"], ids=lambda each: each["why"])
def test_published_bad_elements_are_refused(vector: dict[str, str]) -> None:
    """None of them is evaluated."""
    with pytest.raises(InvalidElement):
        voprf.evaluate(voprf.generate_key_pair(), [base64url.decode(vector["element"])])
