"""The draw gives everyone the same jury, within the strata and without anyone it may not seat."""

import hashlib
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.appeals.jury import (
    Composition,
    Line,
    Side,
    Vote,
    can_seat,
    commitment_of,
    count,
    draw,
    first_jury,
    large_panel,
    list_root,
    median_experience,
    ranked,
    seed_of,
    successor,
)
from registry.rulebook.editions import load_editions

RULES = load_editions()["cn-2026.1"].jury
FIRST, PANEL = first_jury(RULES), large_panel(RULES)
CASE = "apl_01992f5e-7c00-7abc-8def-0123456789ab"


def line(number: int, side: Side = Side.BUYER, experience: int = 0, *, own: bool = False) -> Line:
    mark = hashlib.sha256(str(number).encode()).digest()
    return Line(mark=mark, side=side, experience=experience, is_named_by_furnisher=own)


@st.composite
def lists(draw_from: st.DrawFn, most: int = 60) -> list[Line]:
    """Lists of candidates of any mixture."""
    kinds = draw_from(
        st.lists(
            st.tuples(st.sampled_from(Side), st.integers(0, 5), st.booleans()),
            max_size=most,
        )
    )
    return ranked(
        line(number, side, experience, own=own)
        for number, (side, experience, own) in enumerate(kinds)
    )


seeds = st.binary(min_size=32, max_size=32)
small = st.builds(
    lambda jurors, alternates, buyers, sellers, experienced: Composition(
        jurors=jurors,
        alternates=alternates,
        buyers_min=buyers,
        sellers_min=sellers,
        experienced_min=experienced,
        votes_to_decide=jurors // 2 + 1,
    ),
    st.integers(1, 4),
    st.integers(0, 2),
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(0, 4),
)


def meets(jury: tuple[Line, ...], median: int, composition: Composition) -> bool:
    """Whether these fill the seats and every stratum."""
    return (
        len(jury) == composition.jurors
        and sum(each.side is Side.BUYER for each in jury) >= composition.buyers_min
        and sum(each.side is Side.SELLER for each in jury) >= composition.sellers_min
        and sum(each.experience >= median for each in jury) >= composition.experienced_min
    )


def test_the_numbers_are_the_editions() -> None:
    """17 and 4, first to 9, 6 of each side, 9 experienced; 35, of whom 18 decide."""
    assert (17, 4, 6, 6, 9, 9) == (
        FIRST.jurors,
        FIRST.alternates,
        FIRST.buyers_min,
        FIRST.sellers_min,
        FIRST.experienced_min,
        FIRST.votes_to_decide,
    )
    assert (35, 0, 18, 18) == (
        PANEL.jurors,
        PANEL.alternates,
        PANEL.experienced_min,
        PANEL.votes_to_decide,
    )


@settings(max_examples=200, deadline=None)
@given(lists(), seeds, st.sampled_from([FIRST, PANEL]))
def test_whoever_is_drawn_fills_every_stratum(
    lines: list[Line], seed: bytes, composition: Composition
) -> None:
    """Each of the list at most once; alternates are the next of the others."""
    drawn = draw(lines, seed, composition)
    assert (drawn is not None) == can_seat(lines, composition)
    if drawn is None:
        return
    seated = drawn.jurors + drawn.alternates
    assert meets(drawn.jurors, median_experience(lines), composition)
    assert len(set(seated)) == len(seated)
    assert set(seated) <= set(lines)
    free = len(lines) - composition.jurors
    assert min(composition.alternates, free) == len(drawn.alternates)


@settings(max_examples=200, deadline=None)
@given(lists(most=9), seeds, small)
def test_a_jury_is_drawn_whenever_the_list_has_one(
    lines: list[Line], seed: bytes, composition: Composition
) -> None:
    """Held to every choice there is: it finds the first in the order that meets the strata."""
    order = sorted(
        lines,
        key=lambda each: (
            each.is_named_by_furnisher,
            hashlib.sha256(seed + each.mark).digest(),
        ),
    )
    possible = [
        choice
        for choice in itertools.combinations(order, composition.jurors)
        if meets(choice, median_experience(lines), composition)
    ]
    drawn = draw(lines, seed, composition)
    assert (possible[0] if possible else None) == (drawn and drawn.jurors)


@settings(deadline=None)
@given(lists(), seeds, st.randoms())
def test_the_draw_is_the_same_for_everyone(lines: list[Line], seed: bytes, random: object) -> None:
    """In whatever order the list is handed over."""
    shuffled = list(lines)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert draw(lines, seed, FIRST) == draw(shuffled, seed, FIRST)
    assert list_root(lines) == list_root(ranked(shuffled))


def test_another_list_case_or_beacon_is_another_draw() -> None:
    """Every input decides."""
    lines = ranked(line(number, list(Side)[number % 2], number) for number in range(100))
    root, beacon = list_root(lines), bytes(32)
    first = draw(lines, seed_of(CASE, root, beacon), FIRST)
    others = [
        seed_of(CASE.replace("ab", "ac"), root, beacon),
        seed_of(CASE, list_root(lines[1:]), beacon),
        seed_of(CASE, root, bytes(31) + b"\x01"),
    ]
    assert first == draw(lines, seed_of(CASE, root, beacon), FIRST)
    for seed in others:
        assert first != draw(lines, seed, FIRST)
    assert hashlib.sha256(CASE.encode() + root + beacon).digest() == seed_of(CASE, root, beacon)


def test_every_candidate_may_be_drawn() -> None:
    """No place in the list is better than another: over many beacons all come to sit alike."""
    lines = ranked(line(number, list(Side)[number % 2], number) for number in range(40))
    seats = dict.fromkeys(lines, 0)
    for beacon in range(400):
        drawn = draw(lines, seed_of(CASE, list_root(lines), beacon.to_bytes(32, "big")), FIRST)
        assert drawn is not None
        for each in drawn.jurors:
            seats[each] += 1
    # 170 on the average, of 400; five standard deviations are 49.
    assert 115 < min(seats.values())
    assert max(seats.values()) < 225


def test_those_the_furnisher_named_come_last() -> None:
    """A furnisher cannot pack the jury on its own case while there are others."""
    others = [line(number, list(Side)[number % 2], number) for number in range(21)]
    own = [line(number, list(Side)[number % 2], number, own=True) for number in range(100, 400)]
    drawn = draw(ranked(others + own), bytes(32), FIRST)
    assert drawn is not None
    # However experienced it says its own are.
    assert [] == [each for each in drawn.jurors if each.is_named_by_furnisher]
    alone = draw(ranked(own), bytes(32), FIRST)
    assert alone is not None


def test_an_alternate_of_the_same_side_steps_in_first() -> None:
    """So that the strata stay; of the other side rather than nobody."""
    alternates = [line(1, Side.BUYER), line(2, Side.SELLER), line(3, Side.SELLER)]
    assert alternates[1] == successor(alternates, Side.SELLER)
    assert alternates[0] == successor(alternates[:1], Side.SELLER)
    assert successor([], Side.SELLER) is None


@given(st.lists(st.sampled_from(Vote), max_size=17))
def test_the_first_side_with_enough_decides(votes: list[Vote]) -> None:
    """Never both; with every seat filled by a vote always one; the order does not matter."""
    tally = count(votes, 9)
    assert len(votes) == tally.uphold + tally.overturn
    assert (tally.verdict is not None) == (max(tally.uphold, tally.overturn) >= 9)
    assert len(votes) < 17 or tally.verdict is not None
    assert tally == count(reversed(votes), 9)
    if tally.verdict is not None:
        assert votes.count(tally.verdict) >= 9


def test_a_commitment_binds_to_vote_and_salt() -> None:
    """Published bytes: anyone can make it, nobody can read it."""
    salt = bytes(range(32))
    assert hashlib.sha256(b"overturn" + salt).digest() == commitment_of(Vote.OVERTURN, salt)
    assert commitment_of(Vote.UPHOLD, salt) != commitment_of(Vote.OVERTURN, salt)
    with pytest.raises(AssertionError):
        commitment_of(Vote.UPHOLD, salt[1:])
