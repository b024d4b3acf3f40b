"""A sample is drawn by the published rule and no other."""

import hashlib
from collections import Counter
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from registry.oversight.sampling import draw

ROOT = bytes(range(32))


def by_the_page(origin: bytes, size: int, root: bytes, label: bytes, count: int) -> list[int]:
    """The rule as it is published, written apart."""
    start = b"ccr-sample-v1\x00" + len(origin).to_bytes(2, "big") + origin
    start += size.to_bytes(8, "big") + root + len(label).to_bytes(2, "big") + label
    seed, number, found = hashlib.sha256(start).digest(), 0, []
    while len(found) < min(count, size):
        block = hashlib.sha256(seed + number.to_bytes(8, "big")).digest()
        value, number = int.from_bytes(block[:8], "big"), number + 1
        if value < 2**64 - 2**64 % size and value % size not in found:
            found.append(value % size)
    return found


@given(size=st.integers(1, 2**40), label=st.text(max_size=20), count=st.integers(0, 30))
def test_a_sample_is_drawn_as_published(size: int, label: str, count: int) -> None:
    """Whoever has origin, size, root and label draws the same."""
    drawn = list(islice(draw(origin="r.example/log/a", size=size, root=ROOT, label=label), count))
    assert by_the_page(b"r.example/log/a", size, ROOT, label.encode(), count) == drawn


@given(size=st.integers(0, 200))
def test_every_entry_is_drawn_once(size: int) -> None:
    """Drawn to the end, a sample is the whole log in another order."""
    assert list(range(size)) == sorted(draw(origin="o", size=size, root=ROOT, label=""))


def test_every_entry_is_as_likely_as_any_other() -> None:
    """First draws over many labels spread over all indices."""
    counts = Counter(
        next(draw(origin="o", size=7, root=ROOT, label=str(number))) for number in range(7000)
    )
    assert set(range(7)) == set(counts)
    assert max(counts.values()) - min(counts.values()) < 200
