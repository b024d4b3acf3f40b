"""What the database holds instead of a token."""

import hmac

import pytest

from registry.crypto.sealing import SealBroken, Sealer
from registry.identity.protection import Protector

TOKEN = b"t" * 32


@pytest.fixture
def protector() -> Protector:
    """A pepper and a key-encryption key."""
    return Protector(pepper=b"p" * 32, sealer=Sealer(b"k" * 32))


def test_the_lookup_key_is_the_one_of_the_protocol(protector: Protector) -> None:
    """HMAC(pepper, HMAC(token, "ccr-seed-v1"))."""
    seed = hmac.digest(TOKEN, b"ccr-seed-v1", "sha256")
    assert seed == protector.seed_of(TOKEN)
    assert hmac.digest(b"p" * 32, seed, "sha256") == protector.lookup_key(seed)


def test_another_pepper_gives_other_lookup_keys(protector: Protector) -> None:
    """Two nodes' databases cannot be joined."""
    other = Protector(pepper=b"q" * 32, sealer=Sealer(b"k" * 32))
    seed = protector.seed_of(TOKEN)
    assert protector.lookup_key(seed) != other.lookup_key(seed)


def test_a_sealed_seed_opens_in_its_row_only(protector: Protector) -> None:
    """The seed comes back for its lookup key, and for no other."""
    seed = protector.seed_of(TOKEN)
    sealed = protector.seal_seed(seed, protector.lookup_key(seed))
    assert seed == protector.open_seed(sealed, protector.lookup_key(seed))
    with pytest.raises(SealBroken):
        protector.open_seed(sealed, protector.lookup_key(b"s" * 32))


def test_seeds_sealed_together_open_as_one_alone_does(protector: Protector) -> None:
    """Each in its row only; a hundred of one seed are a hundred seals."""
    seed = protector.seed_of(TOKEN)
    key = protector.lookup_key(seed)
    seal = protector.seed_sealer()
    sealed = {seal(seed, key) for _ in range(100)}
    assert 100 == len(sealed)
    assert {seed} == {protector.open_seed(each, key) for each in sealed}
    with pytest.raises(SealBroken):
        protector.open_seed(sealed.pop(), protector.lookup_key(b"s" * 32))


def test_equal_seeds_seal_differently(protector: Protector) -> None:
    """Sealed seeds tell nothing about which rows are alike."""
    seed = protector.seed_of(TOKEN)
    key = protector.lookup_key(seed)
    assert protector.seal_seed(seed, key) != protector.seal_seed(seed, key)
