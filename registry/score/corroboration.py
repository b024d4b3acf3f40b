"""How many points a set of events costs, when no reporter group may take more than its share.

An event costs more the more groups confirm it: `cost × (1 − Π(1 − chance))`. What
the groups of a set G take together is the least of, over every part A of G,

    what the events would cost if only A had reported them + one share for each group outside of A

So one more group never takes less nor more than one share more, whichever events
it has in common with others; a plain maximum flow over the same figures does not
promise that. The least is found by elimination: the cost is submodular in A, so
a group that adds more than a share to all others is outside of every best A, and
one that adds at most a share to those surely inside is inside. What stays open,
groups that overlap, is tried out.

Whole numbers throughout, in grains so fine that nothing is rounded.

Source: RULEBOOK 4; decision on group shares; Fujishige, Submodular Functions and
Optimization, 2nd ed., 7.1 (minimisers are closed under union and intersection).
"""

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import combinations

# A chance of one.
CERTAIN = 10**8


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedEvent:
    """What an event would cost if it were certain, and how sure each group makes it.

    `cost` is in the caller's unit, chances are in 1/CERTAIN.
    """

    cost: int
    chances: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """What all events cost, and how much of it each one does, in the order given.

    In grains, `point_grains` to a point; the parts add up to the total.
    """

    point_grains: int
    total: int
    by_event: tuple[int, ...]


def share_out(
    events: Sequence[ReportedEvent], *, point_units: int, group_points_max: int, points_max: int
) -> Shares:
    """The points the events cost, no group taking more than `group_points_max`.

    `point_units` of the events' costs make a point. More than `points_max` is not
    told apart: the score has reached its floor.
    """
    tally = _Tally(events)
    point_grains = point_units * tally.certain
    share, total_max = group_points_max * point_grains, points_max * point_grains
    full = tally.costs(frozenset())
    total = sum(full)
    capped: Set[str] | None = frozenset()
    if total > share:
        capped = _capped_groups(tally, share=share, total_max=total_max)
    if capped is None:
        parts = _in_proportion(total_max, full)
    elif capped:
        parts = _parts(tally, capped, full, share)
        total = sum(parts)
    else:
        parts = full
    if total > total_max:
        parts = _in_proportion(total_max, full)
    return Shares(point_grains=point_grains, total=min(total, total_max), by_event=tuple(parts))


class _Tally:
    """The events' costs in grains: one unit of cost times CERTAIN for each group of the
    event with most of them, so that products of chances stay whole."""

    def __init__(self, events: Sequence[ReportedEvent]) -> None:
        self.events = events
        groups_max = max((len(event.chances) for event in events), default=0)
        self.certain = CERTAIN**groups_max
        self._padding = [CERTAIN ** (groups_max - len(event.chances)) for event in events]

    @property
    def groups(self) -> list[str]:
        return sorted({group for event in self.events for group in event.chances})

    def costs(self, without: Set[str]) -> list[int]:
        """What each event costs as reported by all groups but these."""
        costs = []
        for event, doubt in zip(self.events, self._padding, strict=True):
            for group, chance in event.chances.items():
                doubt *= CERTAIN if group in without else CERTAIN - chance
            costs.append(event.cost * (self.certain - doubt))
        return costs

    def total(self, without: Set[str]) -> int:
        """What all events cost as reported by all groups but these."""
        return sum(self.costs(without))

    def added(self, group: str, *, without: Set[str]) -> int:
        """What `group`, one of those left out, adds to all others."""
        return self.total(without - {group}) - self.total(without)


def _capped_groups(tally: _Tally, *, share: int, total_max: int) -> Set[str] | None:
    """The groups held to their share; None when the floor is reached whichever they are."""
    everyone = frozenset(tally.groups)
    open_groups = {group for group in everyone if tally.total(everyone - {group}) > share}
    if not open_groups:
        return frozenset()
    capped: set[str] = set()
    while surely := {
        group for group in open_groups if tally.added(group, without=capped | {group}) > share
    }:
        capped |= surely
        open_groups -= surely
        if len(capped) * share >= total_max:
            return None
    while surely := {
        group for group in open_groups if tally.added(group, without=capped | open_groups) <= share
    }:
        open_groups -= surely
    return _least(tally, capped, open_groups, share=share, total_max=total_max)


def _least(
    tally: _Tally, capped: Set[str], open_groups: Collection[str], *, share: int, total_max: int
) -> Set[str] | None:
    # Fewest first and strictly less only: of equally good answers, the smallest
    # one, which is contained in every other.
    best, best_total = None, total_max
    for more in range(len(open_groups) + 1):
        shares = (len(capped) + more) * share
        if shares >= best_total:
            break
        for chosen in combinations(sorted(open_groups), more):
            candidate = capped | set(chosen)
            total = tally.total(candidate) + shares
            if total < best_total:
                best, best_total = candidate, total
    return best


def _parts(tally: _Tally, capped: Set[str], full: Sequence[int], share: int) -> list[int]:
    """What each event costs without the capped groups, and its part of their shares."""
    parts = tally.costs(capped)
    excess = [more - less for more, less in zip(full, parts, strict=True)]
    for component in _components(tally, capped):
        touched = [
            index
            for index, event in enumerate(tally.events)
            if not component.isdisjoint(event.chances)
        ]
        shared = _in_proportion(share * len(component), [excess[index] for index in touched])
        for index, part in zip(touched, shared, strict=True):
            parts[index] += part
    return parts


def _in_proportion(total: int, weights: Sequence[int]) -> list[int]:
    """`total` in parts as the weights; what does not divide, in grains, goes to the first."""
    whole = sum(weights)
    parts = [total * weight // whole for weight in weights]
    parts[0] += total - sum(parts)
    return parts


def _components(tally: _Tally, groups: Set[str]) -> list[Set[str]]:
    """The groups, put together where they reported an event in common."""
    components: list[Set[str]] = [frozenset({group}) for group in sorted(groups)]
    for event in tally.events:
        joined = [each for each in components if not each.isdisjoint(event.chances)]
        if len(joined) > 1:
            components = [each for each in components if each not in joined]
            components.append(frozenset().union(*joined))
    return components
