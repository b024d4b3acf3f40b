"""Which buckets to ask for, so that neither which nor how many tell who it is about."""

import hmac
from collections.abc import Iterator, Sequence

from registry.crypto import screening

# Asked for at every screening, of however many identities; 8 are the most a lookup takes.
BUCKETS_ASKED = 8


def wanted_buckets(seeds: Sequence[bytes], bits: int, decoy_key: bytes) -> set[int]:
    """The buckets to ask for: those of the seeds, and decoys up to the constant number.

    Each seed brings its own decoys, in turn, the same each time: whoever compares two
    screenings of one person, with one identity more or less, still sees several
    buckets that they have in common. Without the key nobody can tell which are decoys.
    """
    everything = 1 << bits
    wanted = {screening.bucket_of(screening.place_of(seed), bits) for seed in seeds}
    enough = min(BUCKETS_ASKED, everything)
    decoys = _decoys(sorted(seeds), bits, decoy_key)
    while len(wanted) < enough:
        wanted.add(next(decoys))
    return wanted


def _decoys(seeds: Sequence[bytes], bits: int, decoy_key: bytes) -> Iterator[int]:
    number = 0
    while True:
        for seed in seeds:
            mac = hmac.digest(decoy_key, seed + number.to_bytes(4, "big"), "sha256")
            yield screening.bucket_of(int.from_bytes(mac[:4], "big"), bits)
        number += 1
