"""From a proven identifier to the identities it has here.

The one place beside `POST /v1/evaluations` where this node's key is used, and only after a
proof: the caller has shown the blind, so that what is evaluated is known to be the element
of the identifier it received a code at. An address has two identities, and every evaluation
key of the node gives its own: what was filed under an older key is the person's, too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from registry.crypto import voprf
from registry.crypto.identity_token import identity_token, oprf_input
from registry.crypto.ristretto255 import Element, Scalar
from registry.identity.keyring import Keyring
from registry.identity.model import EvaluationKey
from registry.identity.normalise import IdentifierType, InvalidIdentifier, normalise
from registry.identity.protection import Protector


class Evaluator(Protocol):
    """Multiplies an element by a key, with as many nodes as its threshold needs."""

    def evaluates(self, key: EvaluationKey) -> bool:
        """Whether this evaluator can bring the threshold of `key` together."""

    def evaluate(self, key: EvaluationKey, element: Element) -> Element:
        """The element times the key."""


class OwnShare:
    """The evaluator of a node whose share is the key."""

    __slots__ = ()

    def evaluates(self, key: EvaluationKey) -> bool:
        """Whether one share is enough."""
        return key.threshold == 1

    def evaluate(self, key: EvaluationKey, element: Element) -> Element:
        """The element times this node's share."""
        (evaluated,) = voprf.evaluate_unproven(key.share, [element])
        return evaluated


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnIdentity:
    """An identity of a proven identifier: what its rows are found by, and its seed."""

    type: IdentifierType
    key_id: str
    lookup_key: bytes = field(repr=False)
    seed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifiers:
    """Makes the identities of identifiers that were proven."""

    federation: str
    keyring: Keyring
    protector: Protector
    evaluator: Evaluator

    def input_of(self, type: IdentifierType, canonical: str) -> bytes:
        """What is blinded for an identifier. Source: docs/protocol.md, section 2."""
        return oprf_input(federation=self.federation, type_name=type.value, canonical=canonical)

    def element_of(self, type: IdentifierType, canonical: str) -> Element:
        """What a blind of this identifier opens to."""
        return voprf.element_of(self.input_of(type, canonical))

    def identities_of(
        self, type: IdentifierType, canonical: str, blinded: Element, blind: Scalar
    ) -> list[OwnIdentity]:
        """The identities of a proven identifier, whose element `blind` hides as `blinded`."""
        first = voprf.Blinded(blind=blind, element=blinded)
        opened = [(type, self.input_of(type, canonical), first)]
        for other, form in _other_forms(type, canonical):
            data = self.input_of(other, form)
            opened.append((other, data, voprf.blind(data)))
        return [
            self._identity(key, kind, data, each)
            for key in self.keyring.every()
            if self.evaluator.evaluates(key)
            for kind, data, each in opened
        ]

    def identity_of_token(self, type: IdentifierType, key_id: str, token: bytes) -> OwnIdentity:
        """The identity of a token that somebody else made."""
        seed = self.protector.seed_of(token)
        lookup_key = self.protector.lookup_key(seed)
        return OwnIdentity(type=type, key_id=key_id, lookup_key=lookup_key, seed=seed)

    def _identity(
        self, key: EvaluationKey, type: IdentifierType, data: bytes, blinded: voprf.Blinded
    ) -> OwnIdentity:
        evaluated = self.evaluator.evaluate(key, blinded.element)
        output = voprf.finalize_unproven(data, blinded, evaluated)
        return self.identity_of_token(type, key.key_id, identity_token(output, key.key_id))


def _other_forms(type: IdentifierType, canonical: str) -> Iterator[tuple[IdentifierType, str]]:
    """What else the same proof proves: whoever reads an address reads its mailbox."""
    if type is IdentifierType.EMAIL:
        try:
            form = normalise(IdentifierType.EMAIL_CANONICAL, canonical)
        except InvalidIdentifier:
            return
        yield IdentifierType.EMAIL_CANONICAL, form
