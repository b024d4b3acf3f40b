"""Turns identifiers into identity tokens, so that only this machine ever sees them.

    normalise -> blind -> POST /v1/evaluations -> verify the DLEQ proof -> finalise -> T

Source: docs/protocol.md, section 2; RFC 9497 §3.3.2.
"""

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

from registry.client.problems import AnswerNotTrusted, AnswerNotUnderstood
from registry.client.reading import Reader
from registry.client.requests import Identifier
from registry.client.results import EvaluationKey, IdentityToken
from registry.crypto import voprf
from registry.crypto.identity_token import identity_token, oprf_input
from registry.identity.normalise import normalise
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue

SUITE = "ristretto255-SHA512"
EVALUATIONS_MAX = 64
CACHED_TOKENS_MAX = 10_000


class TokenCache(Protocol):
    """Somewhere to keep tokens between calls.

    Keys are 32-byte HMACs that tell nothing without the key they were made
    with; tokens are secrets and must be kept like passwords.
    """

    def get(self, key: bytes) -> bytes | None:
        """The token put under `key`, if it is still there."""

    def put(self, key: bytes, token: bytes) -> None:
        """Keeps `token` under `key` for as long as the cache likes."""


class MemoryCache:
    """The last tokens used, in this process's memory; threads may share it."""

    def __init__(self, tokens_max: int = CACHED_TOKENS_MAX) -> None:
        self._tokens_max = tokens_max
        self._tokens: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes) -> bytes | None:
        """The token put under `key`, unless many were used since."""
        with self._lock:
            token = self._tokens.get(key)
            if token is not None:
                self._tokens.move_to_end(key)
            return token

    def put(self, key: bytes, token: bytes) -> None:
        """Keeps `token`, and drops the one not used for longest when there are too many."""
        with self._lock:
            self._tokens[key] = token
            self._tokens.move_to_end(key)
            while len(self._tokens) > self._tokens_max:
                self._tokens.popitem(last=False)


class NoCache:
    """Keeps nothing."""

    __slots__ = ()

    def get(self, key: bytes) -> bytes | None:
        """Nothing."""
        return None

    def put(self, key: bytes, token: bytes) -> None:
        """Forgets it."""


class TokenMaker:
    """Makes identity tokens with the registry's help, which learns nothing from it.

    `evaluate` sends one body to POST /v1/evaluations and gives its answer;
    `cache_key` makes the keys of the cache (fresh for this process by default).
    """

    def __init__(
        self,
        *,
        evaluate: Callable[[dict[str, JsonValue]], Reader],
        region: str,
        cache: TokenCache,
        cache_key: bytes | None,
    ) -> None:
        self._evaluate = evaluate
        self._region = region
        self._cache = cache
        self._cache_key = cache_key or secrets.token_bytes(32)

    def tokens(
        self, identifiers: Sequence[Identifier], *, federation: str, key: EvaluationKey
    ) -> list[IdentityToken]:
        """The tokens of `identifiers`, in their order.

        All identifiers are checked before anything is sent; each is evaluated
        once, however often it stands there, at most 64 in one call.

        Raises: InvalidIdentifier, AnswerNotTrusted, AnswerNotUnderstood,
        RegistryProblem, RegistryUnreachable.
        """
        _check_supported(key)
        inputs = [self._input(identifier, federation) for identifier in identifiers]
        known = {data: token for data in inputs if (token := self._cached(data, key)) is not None}
        missing = list(dict.fromkeys(data for data in inputs if data not in known))
        for start in range(0, len(missing), EVALUATIONS_MAX):
            batch = missing[start : start + EVALUATIONS_MAX]
            for data, token in zip(batch, self._evaluated(batch, key), strict=True):
                self._cache.put(self._cache_name(data, key), token)
                known[data] = token
        return [
            IdentityToken(
                type=identifier.type,
                key_id=key.key_id,
                token=known[data],
                last_verified_on=identifier.last_verified_on,
                held_since=identifier.held_since,
            )
            for identifier, data in zip(identifiers, inputs, strict=True)
        ]

    def count_missing(
        self, identifiers: Sequence[Identifier], *, federation: str, key: EvaluationKey
    ) -> int:
        """How many of these would have to be evaluated, each once.

        Raises: InvalidIdentifier.
        """
        inputs = {self._input(identifier, federation) for identifier in identifiers}
        return sum(self._cached(data, key) is None for data in inputs)

    def check(self, identifiers: Sequence[Identifier]) -> None:
        """Lets identifiers pass that are valid; nothing is sent.

        Raises: InvalidIdentifier.
        """
        for each in identifiers:
            normalise(each.type, each.value, region=self._region)

    def _input(self, identifier: Identifier, federation: str) -> bytes:
        canonical = normalise(identifier.type, identifier.value, region=self._region)
        return oprf_input(
            federation=federation, type_name=identifier.type.value, canonical=canonical
        )

    def _cache_name(self, data: bytes, key: EvaluationKey) -> bytes:
        # The public key too: a federation that begins anew may reuse the name of a key.
        scope = hashlib.sha256(key.public_key + key.key_id.encode()).digest()
        return hmac.digest(self._cache_key, scope + data, "sha256")

    def _cached(self, data: bytes, key: EvaluationKey) -> bytes | None:
        return self._cache.get(self._cache_name(data, key))

    def _evaluated(self, inputs: Sequence[bytes], key: EvaluationKey) -> list[bytes]:
        blinded = [voprf.blind(data) for data in inputs]
        answer = self._evaluate(
            {
                "key_id": key.key_id,
                "blinded": [base64url.encode(each.element) for each in blinded],
            }
        )
        evaluation = _read_evaluation(answer, key, len(inputs))
        try:
            outputs = voprf.finalize(
                inputs=inputs, blinded=blinded, evaluation=evaluation, public_key=key.public_key
            )
        except (voprf.ProofNotVerified, voprf.InvalidElement) as error:
            raise AnswerNotTrusted(
                "the evaluation was not made with the registry's published key"
            ) from error
        return [identity_token(output, key.key_id) for output in outputs]


def _check_supported(key: EvaluationKey) -> None:
    if key.suite != SUITE:
        raise AnswerNotUnderstood(f"the key is of the suite {key.suite}; this is {SUITE}")
    if key.threshold != 1:
        raise AnswerNotUnderstood("the key is shared among nodes, which this version cannot ask")


def _read_evaluation(answer: Reader, key: EvaluationKey, count: int) -> voprf.Evaluation:
    if answer.text("key_id") != key.key_id:
        raise AnswerNotUnderstood("the evaluation is of another key than was asked for")
    try:
        elements = tuple(base64url.decode(text) for text in answer.texts("evaluated"))
    except ValueError as error:
        raise AnswerNotUnderstood("an evaluated element is not base64url") from error
    if len(elements) != count:
        raise AnswerNotUnderstood(f"{len(elements)} elements came back for {count}")
    return voprf.Evaluation(elements=elements, proof=answer.data("proof", 64))
