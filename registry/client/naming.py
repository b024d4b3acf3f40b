"""Tokens under the registry's current key, whatever it is by then."""

from collections.abc import Sequence

from registry.client.knowing import KnownRegistry
from registry.client.problems import RegistryProblem
from registry.client.requests import Identifier, Identity
from registry.client.results import IdentityToken, WellKnown
from registry.client.tokens import TokenMaker

# What the registry may say of a key that is no longer asked for.
_KEY_GONE_STATUSES = frozenset({404, 409, 410, 422})


class Naming:
    """Makes tokens of what stands for a person, asking again when the key has changed."""

    def __init__(self, *, tokens: TokenMaker, known: KnownRegistry) -> None:
        self._tokens = tokens
        self._known = known

    def tokens_for(self, identifiers: Sequence[Identifier]) -> list[IdentityToken]:
        """The tokens of `identifiers` in their order."""
        if not identifiers:
            return []
        known = self._known.read()
        try:
            return self._make(identifiers, known)
        except RegistryProblem as problem:
            if problem.status not in _KEY_GONE_STATUSES:
                raise
            fresh = self._known.read_again()
            if fresh.current_key == known.current_key:
                raise
            return self._make(identifiers, fresh)

    def tokens_of(self, identities: Sequence[Identity]) -> list[IdentityToken]:
        """The tokens of `identities` in their order; those that are tokens already as they are."""
        raw = [identity for identity in identities if isinstance(identity, Identifier)]
        made = iter(self.tokens_for(raw))
        return [next(made) if isinstance(each, Identifier) else each for each in identities]

    def check(self, identifiers: Sequence[Identifier]) -> None:
        """Raises: InvalidIdentifier for the first that is none. Nothing is sent."""
        self._tokens.check(identifiers)

    def count_missing(self, identities: Sequence[Identity]) -> int:
        """How many of `identities` are neither tokens nor in the cache of tokens."""
        raw = [identity for identity in identities if isinstance(identity, Identifier)]
        if not raw:
            return 0
        known = self._known.read()
        return self._tokens.count_missing(raw, federation=known.federation, key=known.current_key)

    def _make(self, identifiers: Sequence[Identifier], known: WellKnown) -> list[IdentityToken]:
        return self._tokens.tokens(identifiers, federation=known.federation, key=known.current_key)
