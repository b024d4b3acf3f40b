"""Who is told of changes, and how often."""

from collections.abc import Sequence

from registry.database.transaction import Transaction
from registry.incidents.changes import Change, Listeners
from registry.incidents.model import Incident
from registry.kernel.ids import new_uuid
from registry.ledger.model import Appended, Log, RecordType
from tests.incidents.world import World, report


class Each:
    """Hears of changes one by one."""

    def __init__(self) -> None:
        self.heard: list[list[Incident]] = []

    def incident_changed(self, transaction: Transaction, change: Change) -> None:
        self.heard.append([change.after])


class Together(Each):
    """Hears of changes as a set."""

    def incidents_changed(self, transaction: Transaction, changes: Sequence[Change]) -> None:
        self.heard.append([change.after for change in changes])


def changes_of(world: World, *incidents: Incident) -> list[Change]:
    at = world.clock.now()
    entry = Appended(uuid=new_uuid(at), log=Log.INCIDENTS, entry=bytes(92), leaf=bytes(32), at=at)
    return [
        Change(
            record_type=RecordType.REPORT,
            before=None,
            after=incident,
            lookup_keys=[],
            verified_on={},
            entry=entry,
            at=at,
        )
        for incident in incidents
    ]


def test_who_takes_sets_is_told_once_and_anyone_else_of_each(world: World):
    """In the order they subscribed."""
    one, two = (world.file(report(reference, reference)).incident for reference in ("a", "b"))
    each, together = Each(), Together()
    listeners = Listeners()
    assert listeners.is_empty
    listeners.subscribe(each)
    listeners.subscribe(together)
    assert not listeners.is_empty
    with world.call() as call:
        listeners.tell_of_all(call.transaction, changes_of(world, one, two))
    assert [[one], [two]] == each.heard
    assert [[one, two]] == together.heard


def test_a_single_change_is_told_to_all_alike(world: World):
    """Also to who takes sets."""
    one = world.file(report()).incident
    together = Together()
    listeners = Listeners()
    listeners.subscribe(together)
    with world.call() as call:
        listeners.tell(call.transaction, changes_of(world, one)[0])
    assert [[one]] == together.heard
