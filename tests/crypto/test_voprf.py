"""The oblivious function is RFC 9497's, and refuses what would break it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.crypto import ristretto255, voprf
from registry.crypto.ristretto255 import ORDER, Element, NotAScalar
from registry.crypto.voprf import Evaluation, InvalidElement, KeyPair, Mode, ProofNotVerified
from tests.crypto import rfc9496
from tests.crypto.rfc9497 import (
    INFO,
    OPRF_EXCHANGES,
    OPRF_SECRET,
    SEED,
    VOPRF_EXCHANGES,
    VOPRF_PUBLIC,
    VOPRF_SECRET,
    Exchange,
)


def unhex(texts: tuple[str, ...]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def blinded_of(exchange: Exchange) -> list[voprf.Blinded]:
    return [
        voprf.blind(message, ristretto255.scalar(factor), mode=exchange.mode)
        for message, factor in zip(unhex(exchange.inputs), unhex(exchange.blinds), strict=True)
    ]


@pytest.fixture
def key_pair() -> KeyPair:
    """The key pair of RFC 9497, Appendix A.1.2."""
    return voprf.derive_key_pair(SEED, INFO, Mode.VOPRF)


@pytest.fixture
def asked() -> list[voprf.Blinded]:
    """Three inputs, blinded."""
    return [voprf.blind(message) for message in (b"one", b"two", b"three")]


def inputs() -> list[bytes]:
    return [b"one", b"two", b"three"]


def test_keys_derive_as_in_the_rfc(key_pair: KeyPair) -> None:
    """Seed and info give the published secrets and public key, apart for each mode."""
    assert VOPRF_SECRET == key_pair.secret.hex()
    assert VOPRF_PUBLIC == key_pair.public.hex()
    assert OPRF_SECRET == voprf.derive_key_pair(SEED, INFO, Mode.OPRF).secret.hex()


@pytest.mark.parametrize("exchange", OPRF_EXCHANGES)
def test_oprf_exchanges_of_the_rfc(exchange: Exchange) -> None:
    """Blinded, evaluated and output bytes are those of Appendix A.1.1."""
    blinded = blinded_of(exchange)
    assert list(exchange.blinded) == [one.element.hex() for one in blinded]
    evaluated = voprf.evaluate_unproven(
        voprf.key_pair_of(bytes.fromhex(OPRF_SECRET)), [one.element for one in blinded]
    )
    assert list(exchange.evaluated) == [one.hex() for one in evaluated]
    outputs = map(voprf.finalize_unproven, unhex(exchange.inputs), blinded, evaluated)
    assert list(exchange.outputs) == [one.hex() for one in outputs]


@pytest.mark.parametrize("exchange", VOPRF_EXCHANGES)
def test_voprf_exchanges_of_the_rfc(exchange: Exchange, key_pair: KeyPair) -> None:
    """All bytes of Appendix A.1.2, the proof with its published nonce, the batch of two."""
    blinded = blinded_of(exchange)
    elements = [one.element for one in blinded]
    assert list(exchange.blinded) == [one.hex() for one in elements]
    evaluation = voprf.evaluate(key_pair, elements)
    assert list(exchange.evaluated) == [one.hex() for one in evaluation.elements]
    nonce = ristretto255.scalar(bytes.fromhex(exchange.nonce))
    evaluated = [Element(one) for one in evaluation.elements]
    proof = voprf.prove(key_pair, elements, evaluated, nonce)
    assert exchange.proof == proof.hex()
    for published in (proof, evaluation.proof):
        outputs = voprf.finalize(
            inputs=unhex(exchange.inputs),
            blinded=blinded,
            evaluation=Evaluation(elements=evaluation.elements, proof=published),
            public_key=bytes.fromhex(VOPRF_PUBLIC),
        )
        assert list(exchange.outputs) == [one.hex() for one in outputs]


def test_proofs_are_fresh(key_pair: KeyPair, asked: list[voprf.Blinded]) -> None:
    """Two proofs of the same evaluation differ: a nonce used twice gives the key away."""
    elements = [one.element for one in asked]
    first, second = (voprf.evaluate(key_pair, elements) for _ in range(2))
    assert first.elements == second.elements
    assert first.proof != second.proof


def bad_elements() -> list[tuple[str, bytes]]:
    generator = bytes.fromhex(rfc9496.MULTIPLES[1])
    return [
        ("identity", bytes(32)),
        ("short", generator[:31]),
        ("long", generator + b"\x00"),
        ("empty", b""),
        ("top bit set", generator[:31] + bytes([generator[31] | 0x80])),
        ("not canonical", bytes.fromhex(rfc9496.INVALID_ENCODINGS[0])),
        ("negative", bytes.fromhex(rfc9496.INVALID_ENCODINGS[4])),
        ("not on the curve", bytes.fromhex(rfc9496.INVALID_ENCODINGS[12])),
    ]


@pytest.mark.parametrize("bad", dict(bad_elements()).values(), ids=dict(bad_elements()))
def test_bad_elements_are_refused_by_position(bad: bytes, key_pair: KeyPair) -> None:
    """The server names every position it cannot evaluate, and evaluates none."""
    good = voprf.blind(b"good").element
    with pytest.raises(InvalidElement) as refusal:
        voprf.evaluate(key_pair, [bad, good, bad])
    assert (0, 2) == refusal.value.positions
    assert ["/0", "/2"] == [error.pointer for error in refusal.value.errors]
    with pytest.raises(InvalidElement):
        voprf.evaluate_unproven(key_pair, [bad])
    with pytest.raises(InvalidElement):
        voprf.finalize_unproven(b"good", voprf.blind(b"good"), bad)


@pytest.mark.parametrize("number", [0, ORDER, ORDER + 5, 2**256 - 1])
def test_bad_secrets_are_refused(number: int) -> None:
    """A key is a canonical scalar other than zero."""
    with pytest.raises(NotAScalar):
        voprf.key_pair_of(number.to_bytes(32, "little"))


def with_flipped_bit(data: bytes, bit: int) -> bytes:
    return bytes(
        byte ^ (1 << bit % 8 if place == bit // 8 else 0) for place, byte in enumerate(data)
    )


@settings(max_examples=40)
@given(st.integers(min_value=0, max_value=511))
def test_a_proof_with_one_bit_changed_is_refused(bit: int) -> None:
    """Not one of the 512 bits can be turned, the spare ones at the top included."""
    key_pair = voprf.derive_key_pair(SEED, INFO)
    blinded = [voprf.blind(b"one")]
    honest = voprf.evaluate(key_pair, [blinded[0].element])
    forged = Evaluation(elements=honest.elements, proof=with_flipped_bit(honest.proof, bit))
    with pytest.raises(ProofNotVerified):
        voprf.finalize(
            inputs=[b"one"], blinded=blinded, evaluation=forged, public_key=key_pair.public
        )


def forgeries(key_pair: KeyPair, asked: list[voprf.Blinded]) -> list[tuple[str, Evaluation]]:
    elements = [one.element for one in asked]
    honest = voprf.evaluate(key_pair, elements)
    other = voprf.evaluate(voprf.generate_key_pair(), elements)
    first, second, third = honest.elements
    c, s = honest.proof[:32], honest.proof[32:]
    beyond = (int.from_bytes(s, "little") + ORDER).to_bytes(32, "little")
    proof = honest.proof
    return [
        ("another key", other),
        ("another key's elements", Evaluation(elements=other.elements, proof=proof)),
        ("one element of another key", evaluation((first, second, other.elements[2]), proof)),
        ("two elements exchanged", evaluation((second, first, third), proof)),
        ("an element repeated", evaluation((first, first, third), proof)),
        ("one element short", evaluation((first, second), proof)),
        ("one element more", evaluation((*honest.elements, third), proof)),
        ("no elements", evaluation((), proof)),
        ("the identity", evaluation((first, second, bytes(32)), proof)),
        ("an element cut", evaluation((first, second, third[:31]), proof)),
        ("the question itself", evaluation(tuple(elements), proof)),
        ("an empty proof", evaluation(honest.elements, b"")),
        ("a proof cut", evaluation(honest.elements, proof[:63])),
        ("a proof lengthened", evaluation(honest.elements, proof + b"\x00")),
        ("zeros", evaluation(honest.elements, bytes(64))),
        ("zero challenge", evaluation(honest.elements, bytes(32) + s)),
        ("zero response", evaluation(honest.elements, c + bytes(32))),
        ("response beyond the order", evaluation(honest.elements, c + beyond)),
        ("halves exchanged", evaluation(honest.elements, s + c)),
    ]


def evaluation(elements: tuple[bytes, ...], proof: bytes) -> Evaluation:
    return Evaluation(elements=elements, proof=proof)


def test_no_forged_answer_is_accepted(key_pair: KeyPair, asked: list[voprf.Blinded]) -> None:
    """Nothing but the honest answer of the published key gives an output."""

    def accepts(answer: Evaluation) -> bool:
        try:
            voprf.finalize(
                inputs=inputs(), blinded=asked, evaluation=answer, public_key=key_pair.public
            )
        except ProofNotVerified:
            return False
        return True

    assert accepts(voprf.evaluate(key_pair, [one.element for one in asked]))
    assert [] == [name for name, forged in forgeries(key_pair, asked) if accepts(forged)]


@pytest.mark.parametrize("public_key", [bytes(32), b"", b"\xff" * 32])
def test_no_answer_is_accepted_for_an_impossible_key(
    public_key: bytes, key_pair: KeyPair, asked: list[voprf.Blinded]
) -> None:
    """A published key that is no element verifies nothing."""
    honest = voprf.evaluate(key_pair, [one.element for one in asked])
    with pytest.raises(ProofNotVerified):
        voprf.finalize(inputs=inputs(), blinded=asked, evaluation=honest, public_key=public_key)


@settings(max_examples=20)
@given(st.lists(st.binary(max_size=80), min_size=1, max_size=8))
def test_the_output_depends_on_key_and_input_only(messages: list[bytes]) -> None:
    """Blinds, batching and order change nothing in what comes out."""
    key_pair = voprf.derive_key_pair(SEED, INFO)

    def outputs(batch: list[bytes]) -> list[bytes]:
        blinded = [voprf.blind(message) for message in batch]
        answer = voprf.evaluate(key_pair, [one.element for one in blinded])
        return voprf.finalize(
            inputs=batch, blinded=blinded, evaluation=answer, public_key=key_pair.public
        )

    together = outputs(messages)
    assert together == [outputs([message])[0] for message in messages]
    assert together[::-1] == outputs(messages[::-1])
    assert len(set(messages)) == len(set(together))


def test_secrets_are_in_no_repr(key_pair: KeyPair) -> None:
    """Neither a key nor a blind can slip into a log line through repr."""
    blinded = voprf.blind(b"one")
    assert repr(bytes(key_pair.secret)) not in repr(key_pair)
    assert "secret" not in repr(key_pair)
    assert repr(bytes(blinded.blind)) not in repr(blinded)
