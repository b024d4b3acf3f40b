"""Identity tokens: made with the registry's help, and never on its word alone."""

import hashlib
import hmac
from collections.abc import Callable
from datetime import date

import pytest

from registry.client import (
    AnswerNotTrusted,
    AnswerNotUnderstood,
    Identifier,
    IdentifierType,
    InvalidIdentifier,
    MemoryCache,
    NoCache,
    Registry,
    RegistryProblem,
    mailbox,
)
from registry.crypto import ristretto255, voprf
from registry.crypto.hash_to_group import hash_to_group
from tests.client.little_log import b64u, unb64u
from tests.client.little_registry import FEDERATION, LittleRegistry, Reply, Seen


def lp(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def token_by_hand(server: LittleRegistry, type_name: str, canonical: str) -> bytes:
    """The token as docs/protocol.md 2 defines it, with the key in hand and nothing blinded."""
    x = b"ccr-id-v1\x00" + b"".join(
        lp(text.encode()) for text in (FEDERATION, type_name, canonical)
    )
    context = b"OPRFV1-\x01-ristretto255-SHA512"
    point = ristretto255.multiply(server.oprf.secret, hash_to_group(x, b"HashToGroup-" + context))
    y = hashlib.sha512(lp(x) + lp(point) + b"Finalize").digest()
    return hmac.digest(y, b"ccr-token-v1\x00" + server.key_id.encode(), "sha256")


def phones(count: int) -> list[Identifier]:
    return [Identifier.phone(f"138{number:08}") for number in range(count)]


@pytest.mark.parametrize(
    ("type_name", "raw", "canonical"),
    [
        ("phone/1", "138 0013 8000", "+8613800138000"),
        ("phone/1", "+86 (138) 0013-8000", "+8613800138000"),
        ("email/1", "Zhang.San+tag@Gmail.COM", "zhang.san+tag@gmail.com"),
        ("email-canonical/1", "Zhang.San+tag@Gmail.COM", "zhangsan@gmail.com"),
        ("iban/1", "DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
    ],
)
def test_token_is_the_one_of_the_protocol(
    registry: Registry, server: LittleRegistry, type_name: str, raw: str, canonical: str
) -> None:
    """Blinded or not, an identifier has one token, whatever its spelling."""
    token = registry.token_for(type_name, raw)
    assert token_by_hand(server, type_name, canonical) == token.token
    assert (type_name, "k1") == (token.type.value, token.key_id)


def test_region_reads_national_numbers(
    connect: Callable[..., Registry], server: LittleRegistry
) -> None:
    """The same digits are another number in another country."""
    token = connect(region="GB").token_for("phone/1", "07400 123456")
    assert token_by_hand(server, "phone/1", "+447400123456") == token.token


def test_registry_sees_no_two_blinded_elements_alike(
    connect: Callable[..., Registry], server: LittleRegistry
) -> None:
    """The same identifier is blinded afresh each time it is asked for."""
    registry = connect(cache=NoCache())
    for _ in range(3):
        registry.token_for("phone/1", "13800138000")
    bodies = [seen.document["blinded"] for seen in server.to("/v1/evaluations")]
    assert 3 == len({element for (element,) in bodies})


def test_many_tokens_come_64_in_a_call(registry: Registry, server: LittleRegistry) -> None:
    """130 identifiers are three calls, and their tokens keep their order."""
    identifiers = phones(130)
    tokens = registry.tokens_for(identifiers)
    assert [64, 64, 2] == [len(s.document["blinded"]) for s in server.to("/v1/evaluations")]
    assert [token_by_hand(server, "phone/1", "+86" + each.value) for each in identifiers[::43]] == [
        token.token for token in tokens[::43]
    ]


def test_no_identifier_no_call(registry: Registry, server: LittleRegistry) -> None:
    """Nothing to evaluate asks the registry nothing."""
    assert [] == registry.tokens_for([])
    assert [] == server.seen


def test_an_identifier_is_evaluated_once(registry: Registry, server: LittleRegistry) -> None:
    """Two spellings in one call, and any later call, cost one evaluation."""
    twice = [
        Identifier.phone("13800138000", held_since=date(2020, 1, 1)),
        Identifier.phone("+86 138 0013 8000"),
    ]
    first, second = registry.tokens_for(twice)
    registry.tokens_for(twice)
    assert 1 == server.evaluated
    assert first.token == second.token
    assert (date(2020, 1, 1), None) == (first.held_since, second.held_since)


class Shelf:
    """A cache that shows what is put into it."""

    def __init__(self) -> None:
        self.kept: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        return self.kept.get(key)

    def put(self, key: bytes, token: bytes) -> None:
        self.kept[key] = token


def test_cache_may_be_shared_between_processes(
    connect: Callable[..., Registry], server: LittleRegistry
) -> None:
    """With one cache key, a second client finds what the first one kept."""
    shelf = Shelf()
    for _ in range(2):
        connect(cache=shelf, cache_key=b"k" * 32).token_for("phone/1", "13800138000")
    assert 1 == server.evaluated
    assert [32] == [len(name) for name in shelf.kept]


def test_cache_names_nobody(connect: Callable[..., Registry]) -> None:
    """Without the cache key, the names of a cache cannot be guessed by hashing all numbers."""
    shelf = Shelf()
    for _ in range(2):
        connect(cache=shelf).token_for("phone/1", "13800138000")
    assert 2 == len(shelf.kept)
    assert not any(b"13800138000" in name for name in shelf.kept)


def test_new_key_leaves_the_cache_behind(
    registry: Registry, server: LittleRegistry, timer: object
) -> None:
    """Once the registry has a new current key, tokens are made under it."""
    old = registry.token_for("phone/1", "13800138000")
    server.oprf, server.key_id = voprf.generate_key_pair(), "k2"
    registry.tokens_for(phones(1))
    new = registry.token_for("phone/1", "13800138000")
    assert ("k1", "k2") == (old.key_id, new.key_id)
    assert token_by_hand(server, "phone/1", "+8613800138000") == new.token


def test_memory_cache_forgets_what_was_not_used_for_longest() -> None:
    """The cache is bounded, and keeps what is in use."""
    cache = MemoryCache(tokens_max=2)
    for name in (b"a", b"b"):
        cache.put(name, name)
    cache.get(b"a")
    cache.put(b"c", b"c")
    assert [b"a", None, b"c"] == [cache.get(name) for name in (b"a", b"b", b"c")]


def with_another_key(server: LittleRegistry) -> Callable[[Seen], Reply]:
    """An honest evaluation, made with a key nobody published."""
    other = voprf.generate_key_pair()

    def answer(seen: Seen) -> Reply:
        blinded = [unb64u(text) for text in seen.document["blinded"]]
        evaluation = voprf.evaluate(other, blinded)
        return Reply(
            200,
            {
                "key_id": server.key_id,
                "evaluated": [b64u(element) for element in evaluation.elements],
                "proof": b64u(evaluation.proof),
            },
        )

    return answer


def changed(server: LittleRegistry, **members: object) -> Callable[[Seen], Reply]:
    """The true answer with some members replaced."""

    def answer(seen: Seen) -> Reply:
        return Reply(200, server.evaluate(seen.document).body | members)

    return answer


def test_wrong_proof_is_not_trusted(registry: Registry, server: LittleRegistry) -> None:
    """An evaluation under another key, which would mark the person, gives no token."""
    registry.well_known()
    server.script.append(with_another_key(server))
    with pytest.raises(AnswerNotTrusted):
        registry.token_for("phone/1", "13800138000")


@pytest.mark.parametrize("proof", [bytes(64), b"\xff" * 64])
def test_forged_proof_is_not_trusted(
    registry: Registry, server: LittleRegistry, proof: bytes
) -> None:
    """Neither zeros nor scalars out of range pass for a proof."""
    registry.well_known()
    server.script.append(changed(server, proof=b64u(proof)))
    with pytest.raises(AnswerNotTrusted):
        registry.token_for("phone/1", "13800138000")


@pytest.mark.parametrize("element", [bytes(32), b"\xff" * 32, b"\x01" + bytes(31), bytes(31)])
def test_element_that_is_none_is_not_trusted(
    registry: Registry, server: LittleRegistry, element: bytes
) -> None:
    """The identity and non-canonical encodings are refused before computing with them."""
    registry.well_known()
    server.script.append(changed(server, evaluated=[b64u(element)]))
    with pytest.raises(AnswerNotTrusted):
        registry.token_for("phone/1", "13800138000")


@pytest.mark.parametrize(
    "members",
    [
        {"key_id": "k9"},
        {"evaluated": []},
        {"evaluated": "AAAA"},
        {"evaluated": ["=="]},
        {"evaluated": [7]},
        {"proof": b64u(bytes(63))},
        {"proof": None},
    ],
)
def test_evaluation_of_another_shape_is_not_understood(
    registry: Registry, server: LittleRegistry, members: dict[str, object]
) -> None:
    """Another key, another count, another type: no token."""
    registry.well_known()
    server.script.append(changed(server, **members))
    with pytest.raises(AnswerNotUnderstood):
        registry.token_for("phone/1", "13800138000")


def test_cache_holds_only_what_was_proven(
    connect: Callable[..., Registry], server: LittleRegistry
) -> None:
    """A token whose proof failed is not kept for later."""
    shelf = Shelf()
    registry = connect(cache=shelf)
    registry.well_known()
    server.script.append(with_another_key(server))
    with pytest.raises(AnswerNotTrusted):
        registry.token_for("phone/1", "13800138000")
    assert {} == shelf.kept


def test_spent_quota_says_how_long_to_wait(registry: Registry, server: LittleRegistry) -> None:
    """The quota's 429 reaches the caller with its pause."""
    registry.well_known()
    server.script.append(Reply(429, {"title": "Quota spent"}, {"Retry-After": "1800"}))
    with pytest.raises(RegistryProblem) as caught:
        registry.token_for("phone/1", "13800138000")
    assert 1800 == caught.value.retry_after_seconds


def test_key_shared_among_nodes_is_refused(registry: Registry, server: LittleRegistry) -> None:
    """A key that needs two nodes is not asked for at one."""
    known = server.well_known()
    known["keys"][0]["threshold"] = 2
    server.script.append(Reply(200, known))
    with pytest.raises(AnswerNotUnderstood, match="nodes"):
        registry.token_for("phone/1", "13800138000")


@pytest.mark.parametrize(
    ("address", "types"),
    [
        ("a@example.com", ["email/1"]),
        ("a.b+c@gmail.com", ["email/1", "email-canonical/1"]),
    ],
)
def test_mailbox_gives_both_identifiers_of_known_providers(address: str, types: list[str]) -> None:
    """A person who adds a tag to the address is still found, where that is known to be safe."""
    assert types == [identifier.type.value for identifier in mailbox(address)]


def test_mailbox_refuses_what_is_no_address() -> None:
    """An address that is none is refused, and not repeated."""
    with pytest.raises(InvalidIdentifier) as caught:
        mailbox("nobody")
    assert "nobody" not in str(caught.value)


def test_unknown_type_is_wrong_use(registry: Registry) -> None:
    """A type nobody defined is no identifier's fault."""
    with pytest.raises(ValueError, match="fax/1"):
        registry.token_for("fax/1", "12345")


def test_types_are_those_of_the_protocol() -> None:
    """The client knows every type, and no other."""
    assert [
        "phone/1",
        "email/1",
        "email-canonical/1",
        "cn-resident-id/1",
        "iban/1",
        "pay-par/1",
        "pay-alipay-uid/1",
    ] == [each.value for each in IdentifierType]
