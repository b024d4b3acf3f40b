"""Drawing a jury and counting its votes: values in, values out, recomputable by anyone.

    seed  = SHA-256(case ‖ root of the candidate list ‖ beacon)
    order = those the furnisher did not name first, then by SHA-256(seed ‖ mark)
    seats = down the order, each who leaves the strata within reach; then the alternates

`case` is the appeal's id in ASCII, `root` the RFC 6962 root of the list's lines in the
order of their marks, `beacon` the root of a checkpoint whose tree holds the entry that
committed to the list: nobody can know it before the list is fixed. Source: RULEBOOK 6.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from registry.crypto.merkle import CompactRange, leaf_hash
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue, canonical_json
from registry.rulebook.model import JuryRules

SALT_BYTES = 32
MARK_BYTES = 32


class Side(StrEnum):
    """What a candidate mostly is when trading."""

    BUYER = "buyer"
    SELLER = "seller"


class Vote(StrEnum):
    """What a juror finds: the incident stands, or it does not."""

    UPHOLD = "uphold"
    OVERTURN = "overturn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A candidate in the list of one case.

    `mark` means nothing outside the case. `experience` is the place among the list's
    candidates from 0, the same for the same experience: only the order matters.
    """

    mark: bytes
    side: Side
    experience: int
    is_named_by_furnisher: bool

    def document(self) -> dict[str, JsonValue]:
        """What is published, and hashed as canonical JSON into the list's tree."""
        return {
            "mark": base64url.encode(self.mark),
            "side": self.side.value,
            "experience": self.experience,
            "named_by_furnisher": self.is_named_by_furnisher,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """How many sit, and how many of them at least are of each stratum."""

    jurors: int
    alternates: int
    buyers_min: int
    sellers_min: int
    experienced_min: int
    votes_to_decide: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Who sits, in the order they were drawn, and who steps in, in the order they do."""

    jurors: tuple[Line, ...]
    alternates: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The votes counted; `verdict` None: neither has enough."""

    uphold: int
    overturn: int
    verdict: Vote | None

    @property
    def margin(self) -> int:
        """By how much the one has more than the other."""
        return abs(self.uphold - self.overturn)


def first_jury(rules: JuryRules) -> Composition:
    """The jury an edition asks for."""
    return Composition(
        jurors=rules.jurors,
        alternates=rules.alternates,
        buyers_min=rules.buyer_side_min,
        sellers_min=rules.seller_side_min,
        experienced_min=_share(rules.jurors, rules.experienced_percent_min),
        votes_to_decide=rules.votes_to_decide,
    )


def large_panel(rules: JuryRules) -> Composition:
    """The panel after a close verdict: the same strata, more than half decide, nobody steps in."""
    return Composition(
        jurors=rules.panel_jurors,
        alternates=0,
        buyers_min=rules.buyer_side_min,
        sellers_min=rules.seller_side_min,
        experienced_min=_share(rules.panel_jurors, rules.experienced_percent_min),
        votes_to_decide=rules.panel_jurors // 2 + 1,
    )


def ranked(lines: Iterable[Line]) -> list[Line]:
    """The lines in the order of their marks, experience told by its place among them."""
    ordered = sorted(lines, key=lambda each: each.mark)
    places = {value: place for place, value in enumerate(sorted({x.experience for x in ordered}))}
    return [replace(each, experience=places[each.experience]) for each in ordered]


def list_root(lines: Sequence[Line]) -> bytes:
    """The root of the list, whose lines are in the order of their marks, each once."""
    marks = [each.mark for each in lines]
    assert marks == sorted(set(marks)), "a list is in order, and nobody is in it twice"
    leaves = [leaf_hash(canonical_json(each.document())) for each in lines]
    return CompactRange().append(leaves).root()


def seed_of(case: str, root: bytes, beacon: bytes) -> bytes:
    """What decides the draw. Both hashes are 32 bytes, so that no two inputs read alike."""
    assert len(root) == len(beacon) == hashlib.sha256().digest_size
    return hashlib.sha256(case.encode("ascii") + root + beacon).digest()


def median_experience(lines: Collection[Line]) -> int:
    """The lower median: at least half of the candidates are at it or above.

    Those the furnisher named do not count where there are others: it could raise the
    median until only its own are above.
    """
    others = [each for each in lines if not each.is_named_by_furnisher]
    ordered = sorted(each.experience for each in others or lines)
    return ordered[(len(ordered) - 1) // 2]


def draw(lines: Sequence[Line], seed: bytes, composition: Composition) -> Drawn | None:
    """The jury of a list; None where the list cannot fill its strata.

    Down the order each candidate is taken who leaves enough others for what is still
    wanted: of all juries that meet the strata it is the first in the order.
    """
    if not lines:
        return None
    order = sorted(lines, key=lambda each: _rank(each, seed))
    pool = _Strata(order, median_experience(order))
    wanted = _Wanted.of(composition)
    jurors: list[Line] = []
    left: list[Line] = []
    if not pool.can_fill(wanted):
        return None
    for line in order:
        pool.remove(line)
        after = wanted.without(line.side, pool.is_experienced(line))
        if wanted.seats and pool.can_fill(after):
            wanted = after
            jurors.append(line)
        else:
            left.append(line)
    assert len(jurors) == composition.jurors, "what is within reach is reached"
    return Drawn(jurors=tuple(jurors), alternates=tuple(left[: composition.alternates]))


def can_seat(lines: Sequence[Line], composition: Composition) -> bool:
    """Whether a list can fill the strata, whatever the beacon."""
    if not lines:
        return False
    return _Strata(lines, median_experience(lines)).can_fill(_Wanted.of(composition))


def successor(alternates: Sequence[Line], leaving: Side) -> Line | None:
    """Who steps in for a juror of a side: the first of that side, else the first."""
    same = [each for each in alternates if each.side is leaving]
    return next(iter(same or alternates), None)


def commitment_of(vote: Vote, salt: bytes) -> bytes:
    """SHA-256(vote in ASCII ‖ salt), the salt 32 random bytes: says nothing, binds for good."""
    assert len(salt) == SALT_BYTES
    return hashlib.sha256(vote.value.encode("ascii") + salt).digest()


def count(votes: Iterable[Vote], votes_to_decide: int) -> Tally:
    """The votes counted; the first side to have enough has decided."""
    counts = Counter(votes)
    verdict = next((each for each in Vote if counts[each] >= votes_to_decide), None)
    return Tally(uphold=counts[Vote.UPHOLD], overturn=counts[Vote.OVERTURN], verdict=verdict)


def _share(jurors: int, percent: int) -> int:
    """So many of the jurors, rounded up."""
    return -(-jurors * percent // 100)


def _rank(line: Line, seed: bytes) -> tuple[bool, bytes, bytes]:
    return line.is_named_by_furnisher, hashlib.sha256(seed + line.mark).digest(), line.mark


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What is still to be seated; the strata overlap, so that they may be more than the seats."""

    seats: int
    buyers: int
    sellers: int
    experienced: int

    @classmethod
    def of(cls, composition: Composition) -> "_Wanted":
        return cls(
            seats=composition.jurors,
            buyers=composition.buyers_min,
            sellers=composition.sellers_min,
            experienced=composition.experienced_min,
        )

    def without(self, side: Side, is_experienced: object) -> "_Wanted":
        """What is wanted once somebody of this kind is seated."""
        return _Wanted(
            seats=self.seats - 1,
            buyers=max(0, self.buyers - (side is Side.BUYER)),
            sellers=max(0, self.sellers - (side is Side.SELLER)),
            experienced=max(0, self.experienced - bool(is_experienced)),
        )


class _Strata:
    """How many candidates of each kind are left."""

    def __init__(self, lines: Iterable[Line], median: int) -> None:
        self._median = median
        self._counts = Counter((each.side, self.is_experienced(each)) for each in lines)

    def is_experienced(self, line: Line) -> bool:
        return line.experience >= self._median

    def remove(self, line: Line) -> None:
        self._counts[line.side, self.is_experienced(line)] -= 1

    def can_fill(self, wanted: _Wanted) -> bool:
        """Whether some choice among those left meets all that is wanted."""
        if wanted.seats < 0:
            return False
        counts = self._counts
        skilled = {side: counts[side, True] for side in Side}
        everyone = {side: counts[side, True] + counts[side, False] for side in Side}
        for buyers in range(wanted.buyers, wanted.seats - wanted.sellers + 1):
            sellers = wanted.seats - buyers
            if buyers > everyone[Side.BUYER] or sellers > everyone[Side.SELLER]:
                continue
            most = min(buyers, skilled[Side.BUYER]) + min(sellers, skilled[Side.SELLER])
            if most >= wanted.experienced:
                return True
        return False
