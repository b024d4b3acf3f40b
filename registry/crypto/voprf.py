"""The (verifiable) oblivious pseudorandom function ristretto255-SHA512.

The client learns F(key, input) and a proof that the published key made it; the
server learns nothing of the input. Source: RFC 9497, modes OPRF and VOPRF.

    client  blind(input) ──blinded──▶ evaluate(key) server
            finalize     ◀─evaluated, proof─
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from registry.crypto import ristretto255
from registry.crypto.hash_to_group import hash_to_group, hash_to_scalar
from registry.crypto.ristretto255 import Element, NotAnElement, NotAScalar, Scalar
from registry.kernel.problems import FieldError, Kind, Problem, Text

SUITE = "ristretto255-SHA512"
SEED_BYTES = 32
OUTPUT_BYTES = 64
PROOF_BYTES = 64
INPUT_BYTES_MAX = 65535

_DERIVATION_TRIES_MAX = 256


class Mode(IntEnum):
    """The protocol variants of RFC 9497 that are here."""

    OPRF = 0
    VOPRF = 1


class InvalidElement(Problem):
    """Some blinded elements are not canonical encodings of usable elements."""

    kind = Kind.INVALID
    title = Text(en="A blinded element cannot be evaluated", zh="盲化元素无法计算")
    advice = Text(
        en="Send 32-byte canonical ristretto255 encodings; the identity element is refused.",
        zh="请提交 32 字节的规范 ristretto255 编码；单位元不予受理。",
    )

    def __init__(self, positions: Sequence[int], *, pointer: str = "") -> None:
        detail = "This is not the canonical encoding of an element other than the identity."
        super().__init__(
            errors=[
                FieldError(pointer=f"{pointer}/{position}", code="invalid_element", detail=detail)
                for position in positions
            ]
        )
        self.positions = tuple(positions)


class ProofNotVerified(Problem):
    """The answer was not made with the published key; nothing of it is used."""

    kind = Kind.FAULT
    title = Text(en="The evaluation proof does not verify", zh="计算证明未通过验证")
    advice = Text(
        en="Do not use the answer; compare the key with the published one and tell the operator.",
        zh="请勿使用该结果；请核对公布的公钥并告知运营者。",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """An evaluation key; the secret is in no repr and no comparison."""

    secret: Scalar = field(repr=False, compare=False)
    public: Element


@dataclass(frozen=True, slots=True, kw_only=True)
class Blinded:
    """What the client keeps (`blind`) and what it sends (`element`)."""

    blind: Scalar = field(repr=False)
    element: Element


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Evaluated elements in the order asked, and one proof c‖s for all of them."""

    elements: tuple[bytes, ...]
    proof: bytes


def key_pair_of(secret: bytes) -> KeyPair:
    """The key pair of a secret scalar's 32 bytes.

    Raises: NotAScalar.
    """
    checked = ristretto255.scalar(secret)
    return KeyPair(secret=checked, public=ristretto255.multiply_base(checked))


def generate_key_pair() -> KeyPair:
    """A fresh key pair from the system's random generator."""
    return key_pair_of(ristretto255.random_scalar())


def derive_key_pair(seed: bytes, info: bytes, mode: Mode = Mode.VOPRF) -> KeyPair:
    """The key pair of a 32-byte seed. Source: RFC 9497 §3.2.1."""
    assert len(seed) == SEED_BYTES
    derivation = seed + _prefixed(info)
    tag = b"DeriveKeyPair" + _context(mode)
    for counter in range(_DERIVATION_TRIES_MAX):
        try:
            return key_pair_of(hash_to_scalar(derivation + bytes([counter]), tag))
        except NotAScalar:
            continue
    raise AssertionError("no seed yields zero 256 times")


def blind(
    message: bytes, blind_scalar: Scalar | None = None, *, mode: Mode = Mode.VOPRF
) -> Blinded:
    """Hides `message` behind a random scalar (given only by tests with known answers)."""
    assert len(message) <= INPUT_BYTES_MAX
    factor = ristretto255.random_scalar() if blind_scalar is None else blind_scalar
    return Blinded(blind=factor, element=ristretto255.multiply(factor, element_of(message, mode)))


def element_of(message: bytes, mode: Mode = Mode.VOPRF) -> Element:
    """The element that `message` stands for before it is blinded."""
    return hash_to_group(message, b"HashToGroup-" + _context(mode))


def unblind(blinded: Element, blind_scalar: Scalar) -> Element:
    """The element that `blind_scalar` hid: whoever shows a blind shows what was asked for."""
    return ristretto255.multiply(ristretto255.scalar_invert(blind_scalar), blinded)


def evaluate_unproven(key_pair: KeyPair, blinded: Sequence[bytes]) -> tuple[Element, ...]:
    """Mode OPRF: the evaluated elements without a proof.

    Raises: InvalidElement naming every bad position.
    """
    return _multiply_all(key_pair.secret, elements_of(blinded))


def evaluate(key_pair: KeyPair, blinded: Sequence[bytes]) -> Evaluation:
    """Mode VOPRF: the evaluated elements and one proof for the batch.

    Raises: InvalidElement naming every bad position.
    """
    return evaluate_elements(key_pair, elements_of(blinded))


def evaluate_elements(key_pair: KeyPair, elements: Sequence[Element]) -> Evaluation:
    """As `evaluate`, of elements that have been checked already.

    Raises: InvalidElement.
    """
    evaluated = _multiply_all(key_pair.secret, elements)
    try:
        proof = prove(key_pair, elements, evaluated, ristretto255.random_scalar())
    except NotAnElement as error:
        # Elements chosen so that their weighted sum is the identity.
        raise InvalidElement(range(len(elements))) from error
    return Evaluation(elements=evaluated, proof=proof)


def prove(
    key_pair: KeyPair, elements: Sequence[Element], evaluated: Sequence[Element], nonce: Scalar
) -> bytes:
    """The proof c‖s that `evaluated` are `elements` times the key.

    A `nonce` used twice gives the key away. Source: RFC 9497 §2.2.1.

    Raises: NotAnElement when the weighted sum of the elements is the identity.
    """
    weighted = _weighted_sum(elements, _weights(key_pair.public, elements, evaluated))
    image = ristretto255.multiply(key_pair.secret, weighted)
    challenge = _challenge(
        key_pair.public,
        weighted,
        image,
        ristretto255.multiply_base(nonce),
        ristretto255.multiply(nonce, weighted),
    )
    response = ristretto255.scalar_subtract(
        nonce, ristretto255.scalar_multiply(challenge, key_pair.secret)
    )
    return challenge + response


def proof_verifies(
    public: Element, elements: Sequence[Element], evaluated: Sequence[Element], proof: bytes
) -> bool:
    """Whether one key, the one of `public`, made all of `evaluated`.

    All inputs are public, so nothing here needs constant time.
    Source: RFC 9497 §2.2.2.
    """
    if len(proof) != PROOF_BYTES or not elements or len(elements) != len(evaluated):
        return False
    half = PROOF_BYTES // 2
    try:
        challenge = ristretto255.scalar(proof[:half])
        response = ristretto255.scalar(proof[half:])
        weights = list(_weights(public, elements, evaluated))
        weighted = _weighted_sum(elements, weights)
        image = _weighted_sum(evaluated, weights)
        first = ristretto255.add(
            ristretto255.multiply_base(response), ristretto255.multiply(challenge, public)
        )
        second = ristretto255.add(
            ristretto255.multiply(response, weighted), ristretto255.multiply(challenge, image)
        )
    except (NotAnElement, NotAScalar):
        return False
    return challenge == _challenge(public, weighted, image, first, second)


def finalize_unproven(message: bytes, blinded: Blinded, evaluated: bytes) -> bytes:
    """Mode OPRF: the 64-byte output, trusting the server.

    Raises: InvalidElement.
    """
    return _output(message, blinded, elements_of([evaluated])[0])


def finalize(
    *,
    inputs: Sequence[bytes],
    blinded: Sequence[Blinded],
    evaluation: Evaluation,
    public_key: bytes,
) -> list[bytes]:
    """Mode VOPRF: the 64-byte outputs in order, after the proof has verified.

    Raises: ProofNotVerified, also for an answer of another length or with
    elements that are none.
    """
    assert len(inputs) == len(blinded)
    try:
        public = ristretto255.element(public_key)
        evaluated = elements_of(evaluation.elements)
    except (NotAnElement, InvalidElement) as error:
        raise ProofNotVerified from error
    if not proof_verifies(public, [one.element for one in blinded], evaluated, evaluation.proof):
        raise ProofNotVerified
    return [
        _output(message, one, element)
        for message, one, element in zip(inputs, blinded, evaluated, strict=True)
    ]


def elements_of(blinded: Sequence[bytes], *, pointer: str = "") -> tuple[Element, ...]:
    """The checked elements of what came in; `pointer` says where in the request it stood.

    Raises: InvalidElement naming every bad position.
    """
    invalid = []
    for position, data in enumerate(blinded):
        try:
            ristretto255.element(data)
        except NotAnElement:
            invalid.append(position)
    if invalid:
        raise InvalidElement(invalid, pointer=pointer)
    return tuple(map(Element, blinded))


def _multiply_all(secret: Scalar, elements: Sequence[Element]) -> tuple[Element, ...]:
    return tuple(ristretto255.multiply(secret, one) for one in elements)


def _output(message: bytes, blinded: Blinded, evaluated: Element) -> bytes:
    unblinded = unblind(evaluated, blinded.blind)
    return hashlib.sha512(_prefixed(message) + _prefixed(unblinded) + b"Finalize").digest()


def _weights(
    public: Element, elements: Sequence[Element], evaluated: Sequence[Element]
) -> Iterator[Scalar]:
    context = _context(Mode.VOPRF)
    tag = b"HashToScalar-" + context
    seed = hashlib.sha512(_prefixed(public) + _prefixed(b"Seed-" + context)).digest()
    for position, (one, image) in enumerate(zip(elements, evaluated, strict=True)):
        transcript = (
            _prefixed(seed)
            + position.to_bytes(2, "big")
            + _prefixed(one)
            + _prefixed(image)
            + b"Composite"
        )
        yield hash_to_scalar(transcript, tag)


def _weighted_sum(elements: Sequence[Element], weights: Iterator[Scalar] | list[Scalar]) -> Element:
    terms = map(ristretto255.multiply, weights, elements)
    total = next(terms)
    for term in terms:
        total = ristretto255.add(total, term)
    return total


def _challenge(*points: Element) -> Scalar:
    transcript = b"".join(map(_prefixed, points)) + b"Challenge"
    return hash_to_scalar(transcript, b"HashToScalar-" + _context(Mode.VOPRF))


def _context(mode: Mode) -> bytes:
    return b"OPRFV1-" + bytes([mode]) + b"-" + SUITE.encode("ascii")


def _prefixed(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data
