"""Assembles what watches over the logs: retention, histories, holds, oversight."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from registry.app.contesting import Contesting
from registry.app.noticing import Noticing
from registry.crypto.note import vkey
from registry.crypto.signature import PrivateKey
from registry.database.engine import Database
from registry.database.transaction import Transaction
from registry.identity.protection import Protector
from registry.incidents.removal import Removable
from registry.incidents.service import Incidents
from registry.ledger.bundling import BundleMaker
from registry.ledger.contents import Contents
from registry.ledger.erasure import Erasure
from registry.ledger.erasure_model import Cause
from registry.ledger.history import SubjectHistory
from registry.ledger.orders import ErasureOrders, LegalHolds
from registry.ledger.service import Ledger
from registry.lookups.service import Lookups
from registry.notices.letters import Letters
from registry.oversight.exports import Exports
from registry.oversight.flagging import Flagging
from registry.oversight.flags import Flagger
from registry.oversight.indexing import Indexer
from registry.oversight.reconciling import Reconciler
from registry.oversight.recording import Recorder
from registry.oversight.retention import Retention
from registry.oversight.rules_reading import load_rules
from registry.oversight.service import Oversight
from registry.oversight.upkeep import Upkeep
from registry.rulebook.model import Rulebook
from registry.settings import Settings
from registry.subjects.authorisations import Authorisations
from registry.subjects.sessions import Sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Auditing:
    """The services supervisors, subjects and retention ask."""

    histories: SubjectHistory
    legal_holds: LegalHolds
    erasure_orders: ErasureOrders
    retention: Retention
    indexer: Indexer
    recorder: Recorder
    oversight: Oversight
    reconciler: Reconciler
    flagging: Flagging
    exports: Exports
    upkeep: Upkeep


def assemble_auditing(
    *,
    settings: Settings,
    database: Database,
    rulebook: Rulebook,
    signing_key: PrivateKey,
    protector: Protector,
    ledger: Ledger,
    contents: Contents,
    incidents: Incidents,
    lookups: Lookups,
    noticing: Noticing,
    contesting: Contesting,
    sessions: Sessions,
    authorisations: Authorisations,
) -> Auditing:
    """The services over the rooms of one node."""
    edition = rulebook.current
    orders = ErasureOrders(ledger=ledger, edition=edition.name)
    indexer = Indexer(contents=contents)
    recorder = Recorder(ledger=ledger, contents=contents, edition=edition.name)
    oversight = Oversight(
        contents=contents,
        protector=protector,
        indexer=indexer,
        recorder=recorder,
        authority=settings.authority,
    )
    flagging = Flagging(
        flagger=Flagger(rules=load_rules(), edition=edition),
        indexer=indexer,
        recorder=recorder,
        edition=edition,
    )
    retention = Retention(
        database=database,
        rulebook=rulebook,
        contents=contents,
        erasure=Erasure(ledger=ledger, contents=contents, edition=edition.name),
        orders=orders,
        incidents=incidents,
        lookups=lookups,
        end_sessions=sessions.forget_subject,
        also_forget=[
            partial(_forget, forget=each)
            for each in (
                noticing.corrections.forget_subject,
                lambda transaction, key: noticing.contacts.forget(transaction, lookup_key=key),
                noticing.letters.forget_subject,
                contesting.judging.pool.forget_subject,
                authorisations.forget_subject,
            )
        ]
        # An open appeal is decided first.
        + [contesting.forgetting.forget_subject],
        also_remove=[partial(_forget_letters, letters=noticing.letters)],
        appeals=contesting.forgetting,
    )
    return Auditing(
        histories=SubjectHistory(contents=contents, origin=settings.origin, key=signing_key),
        legal_holds=LegalHolds(ledger=ledger, edition=edition.name),
        erasure_orders=orders,
        retention=retention,
        indexer=indexer,
        recorder=recorder,
        oversight=oversight,
        reconciler=Reconciler(indexer=indexer, recorder=recorder),
        flagging=flagging,
        exports=Exports(
            oversight=oversight,
            contents=contents,
            recorder=recorder,
            bundles=BundleMaker(database=database, contents=contents, ledger=ledger),
            origin=settings.origin,
            vkey_of=lambda shard: vkey(
                f"{settings.authority}/log/{shard.name}", signing_key.public.raw
            ),
        ),
        upkeep=Upkeep(retention=retention, flagging=flagging),
    )


def _forget(
    transaction: Transaction, lookup_key: bytes, *, forget: Callable[[Transaction, bytes], object]
) -> int:
    """Nothing of this room has to wait."""
    forget(transaction, lookup_key)
    return 0


def _forget_letters(transaction: Transaction, removable: Removable, *, letters: Letters) -> None:
    """What was written of an incident goes with it; not what says that it was taken back."""
    is_purged = removable.cause is Cause.REMOVED_CONTENT_PURGED
    taken_back_at = removable.incident.changed_at if is_purged else None
    letters.forget_incident(transaction, removable.incident.id, written_before=taken_back_at)
