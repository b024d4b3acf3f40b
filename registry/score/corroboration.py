"""How many points a set of events costs, when no reporter group may take more than its share.

An event costs more the more groups confirm it: `cost × (1 − Π(1 − chance))`. What
the groups of a set G take together is the least of, over every part A of G,

    what the events would cost if only A had reported them + one share for each group outside of A

So one more group never takes less nor more than one share more, whichever events
it has in common with others; a plain maximum flow over the same figures does not
promise that. The least is found by elimination: the cost is submodular in A, so
a group that adds more than a share to all others is outside of every best A, and
one that adds at most a share to those surely inside is inside. What stays open,
groups that overlap, is tried out. Fractions throughout: nothing is rounded here.

Source: RULEBOOK 4; decision on group shares; Fujishige, Submodular Functions and
Optimization, 2nd ed., 7.1 (minimisers are closed under union and intersection).
"""

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

ZERO = Fraction(0)
ONE = Fraction(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedEvent:
    """What an event would cost if it were certain, and how sure each group makes it."""

    cost: Fraction
    chances: Mapping[str, Fraction]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """The points all events cost, and how many of them each one does, in the order given."""

    total: Fraction
    by_event: tuple[Fraction, ...]


def share_out(events: Sequence[ReportedEvent], *, group_max: int, total_max: int) -> Shares:
    """The points the events cost, no group taking more than `group_max`.

    More than `total_max` is not told apart: the score has reached its floor.
    """
    full = _costs(events, frozenset())
    if sum(full, ZERO) <= group_max:
        return scale_down(Shares(total=sum(full, ZERO), by_event=full), total_max)
    capped = _capped_groups(events, group_max=group_max, total_max=total_max)
    if capped is None:
        return scale_down(Shares(total=sum(full, ZERO), by_event=full), total_max)
    rest = _costs(events, capped)
    shares = list(rest)
    for component in _components(events, capped):
        touched = [index for index, event in enumerate(events) if component & event.chances.keys()]
        excess = sum((full[index] - rest[index] for index in touched), ZERO)
        for index in touched:
            part = (full[index] - rest[index]) / excess
            shares[index] += part * group_max * len(component)
    total = sum(rest, ZERO) + group_max * len(capped)
    return scale_down(Shares(total=total, by_event=tuple(shares)), total_max)


def scale_down(shares: Shares, total_max: int) -> Shares:
    """The same proportions with a total of at most `total_max`."""
    if shares.total <= total_max:
        return shares
    scale = total_max / shares.total
    return Shares(
        total=Fraction(total_max), by_event=tuple(share * scale for share in shares.by_event)
    )


def _costs(events: Sequence[ReportedEvent], without: Set[str]) -> tuple[Fraction, ...]:
    return tuple(_cost(event, without) for event in events)


def _cost(event: ReportedEvent, without: Set[str]) -> Fraction:
    doubt = ONE
    for group, chance in event.chances.items():
        if group not in without:
            doubt *= 1 - chance
    return event.cost * (1 - doubt)


def _total(events: Sequence[ReportedEvent], without: Set[str]) -> Fraction:
    return sum(_costs(events, without), ZERO)


def _capped_groups(
    events: Sequence[ReportedEvent], *, group_max: int, total_max: int
) -> Set[str] | None:
    """The groups that are held to their share; None when the floor is reached whatever they are."""
    groups = sorted({group for event in events for group in event.chances})
    alone = {group: _total(events, set(groups) - {group}) for group in groups}
    open_groups = {group for group in groups if alone[group] > group_max}
    if not open_groups:
        return frozenset()
    capped: set[str] = set()
    while surely := _adding_more(events, open_groups, capped, group_max):
        capped |= surely
        open_groups -= surely
        if len(capped) * group_max >= total_max:
            return None
    while surely := {
        group
        for group in open_groups
        if _added(events, group, without=capped | open_groups) <= group_max
    }:
        open_groups -= surely
    return _least(events, capped, open_groups, group_max=group_max, total_max=total_max)


def _adding_more(
    events: Sequence[ReportedEvent], groups: Collection[str], capped: Set[str], group_max: int
) -> set[str]:
    return {
        group for group in groups if _added(events, group, without=capped | {group}) > group_max
    }


def _added(events: Sequence[ReportedEvent], group: str, *, without: Set[str]) -> Fraction:
    """What `group` adds to all groups but those in `without`, which it belongs to."""
    touched = [event for event in events if group in event.chances]
    return _total(touched, without - {group}) - _total(touched, without)


def _least(
    events: Sequence[ReportedEvent],
    capped: Set[str],
    open_groups: Collection[str],
    *,
    group_max: int,
    total_max: int,
) -> Set[str] | None:
    # Fewest first and strictly less only: of equally good answers, the smallest
    # one, which is contained in every other.
    best, best_total = None, Fraction(total_max)
    for more in range(len(open_groups) + 1):
        shares = (len(capped) + more) * group_max
        if shares >= best_total:
            break
        for chosen in combinations(sorted(open_groups), more):
            candidate = capped | set(chosen)
            total = _total(events, candidate) + shares
            if total < best_total:
                best, best_total = candidate, total
    return best


def _components(events: Sequence[ReportedEvent], groups: Set[str]) -> list[Set[str]]:
    """The groups, put together where they reported an event in common."""
    components: list[Set[str]] = [frozenset({group}) for group in sorted(groups)]
    for event in events:
        joined = [component for component in components if component & event.chances.keys()]
        if len(joined) > 1:
            components = [component for component in components if component not in joined]
            components.append(frozenset().union(*joined))
    return components
