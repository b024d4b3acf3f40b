"""Which entries a recall looks for: lookups that were answered with what is corrected."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from registry.kernel.clock import parse_instant
from registry.kernel.ids import MemberId, uuid7
from registry.ledger.contents import header_of, subject_of
from registry.ledger.model import Opening, RecordType, decode_entry
from registry.notices.correction_model import Correction


def answered_with(
    openings: Mapping[UUID, Opening], correction: Correction
) -> Iterator[tuple[UUID, MemberId]]:
    """Those of these entries, in order, that are of such lookups, each with whose it was."""
    for uuid, opening in sorted(openings.items()):
        if _was_answered_with(opening, correction):
            assert opening.member is not None, "a lookup is a member's"
            yield uuid, opening.member


def just_before(instant: datetime) -> UUID:
    """An id that sorts before all that were made at `instant` or later."""
    return uuid7(instant - timedelta(minutes=1), bytes(10))


def _was_answered_with(opening: Opening, correction: Correction) -> bool:
    if decode_entry(opening.entry).record_type is not RecordType.LOOKUP:
        return False
    if correction.incident not in subject_of(opening).get("incidents", ()):
        return False
    return correction.concerns(parse_instant(header_of(opening)["at"]))
