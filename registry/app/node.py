"""A node: every service of every room, assembled once from its settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from registry.app.auditing import Auditing, assemble_auditing
from registry.app.contesting import Contesting, assemble_contesting
from registry.app.facts import claim
from registry.app.home import Secrets, read_secrets
from registry.app.importing import assemble_imports
from registry.app.jobs import assemble_worker
from registry.app.noticing import Noticing, assemble_noticing
from registry.app.own_door import OwnDoor, assemble_own_door
from registry.app.screening import ScreeningRooms, assemble_screening
from registry.appeals.hearing import Hearings
from registry.crypto.signature import PrivateKey
from registry.database.engine import Database
from registry.database.migrate import require_head, upgrade
from registry.identity.keyring import Keyring
from registry.identity.protection import Protector
from registry.identity.service import Evaluations
from registry.incidents.changes import Listeners
from registry.incidents.imports import Imports
from registry.incidents.service import Incidents
from registry.jobs.service import Jobs
from registry.jobs.worker import Worker
from registry.kernel.clock import Clock, SystemClock
from registry.ledger.contents import Contents
from registry.ledger.fsck import Fsck
from registry.ledger.fsck_contents import ContentCheck
from registry.ledger.high_water import HighWaterMarks
from registry.ledger.sequencer import Sequencer
from registry.ledger.service import Ledger
from registry.ledger.watch import LogLimits, LogWatch
from registry.ledger.witness import LOGS_FILE_NAME, Witness, read_witnessed_logs
from registry.lookups.screening_jobs import screening_kinds
from registry.lookups.service import Lookups
from registry.members.service import Directory, Members
from registry.rulebook.editions import load_rulebook
from registry.rulebook.model import Rulebook
from registry.settings import Settings
from registry.subjects.authorisations import Authorisations


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node's rooms, ready to serve."""

    settings: Settings
    clock: Clock
    database: Database
    rulebook: Rulebook
    signing_key: PrivateKey
    keyring: Keyring
    protector: Protector
    ledger: Ledger
    jobs: Jobs
    worker: Worker
    directory: Directory
    members: Members
    evaluations: Evaluations
    incidents: Incidents
    incident_listeners: Listeners
    imports: Imports
    lookups: Lookups
    noticing: Noticing
    contesting: Contesting
    sequencer: Sequencer
    log_watch: LogWatch
    witness: Witness
    fsck: Fsck
    contents: Contents
    own_door: OwnDoor
    auditing: Auditing
    screening: ScreeningRooms


def assemble(settings: Settings, clock: Clock | None = None, wall: Clock | None = None) -> Node:
    """The node of these settings, with its database at the program's schema.

    `clock` is what rules go by, `wall` what sessions and codes do; both are the machine's
    unless a sandbox or a test has others.

    Raises: KeyFileUnusable, SchemaOutOfDate, DatabaseOfAnotherNode,
    DatabaseUnavailable.
    """
    secrets = read_secrets(settings)
    database = Database(settings.database_url, connections_max=settings.database_connections_max)
    try:
        require_head(database.engine)
        with database.transaction() as transaction:
            claim(transaction, settings, pepper_id=secrets.pepper_id)
    except BaseException:
        database.close()
        raise
    return _wire(
        settings,
        clock or SystemClock(),
        wall or SystemClock(),
        database,
        secrets,
    )


def migrate(settings: Settings) -> None:
    """Brings the node's database to this program's schema."""
    database = Database(settings.database_url, connections_max=1)
    try:
        upgrade(database.engine)
    finally:
        database.close()


@contextmanager
def open_node(settings: Settings | None = None) -> Iterator[Node]:
    """The node of `settings`, or of REGISTRY_HOME, for as long as one command runs."""
    node = assemble(settings or Settings.load())
    try:
        yield node
    finally:
        node.database.close()


def _wire(
    settings: Settings,
    clock: Clock,
    wall: Clock,
    database: Database,
    secrets: Secrets,
) -> Node:
    sealer, signing_key = secrets.sealer, secrets.signing_key
    rulebook = load_rulebook(settings.edition)
    keyring = Keyring.load(settings.keys_directory, sealer, origin=settings.origin)
    protector = Protector(pepper=secrets.pepper, sealer=sealer)
    ledger = Ledger(origin=settings.origin, key=signing_key, sealer=sealer)
    contents = Contents(sealer=sealer, lookup_key_of=protector.lookup_key)
    marks = HighWaterMarks(settings.marks_directory)
    log_watch = _log_watch(settings)
    # Keys are judged by the time requests are signed at, never by a moved clock.
    directory = Directory(clock=SystemClock(), prior=rulebook.current.reliability)
    listeners = Listeners()
    incidents = Incidents(
        rulebook=rulebook,
        keyring=keyring,
        protector=protector,
        directory=directory,
        ledger=ledger,
        listeners=listeners,
    )
    authorisations = Authorisations(
        protector=protector, directory=directory, edition=rulebook.current
    )
    lookups = Lookups(
        rulebook=rulebook,
        keyring=keyring,
        protector=protector,
        incidents=incidents,
        ledger=ledger,
        log_watch=log_watch,
        authorisations=authorisations,
        authorisation_rule=settings.authorisation,
    )
    jobs = Jobs()
    imports = assemble_imports(
        database=database,
        rulebook=rulebook,
        sealer=sealer,
        keyring=keyring,
        directory=directory,
        incidents=incidents,
        jobs=jobs,
    )
    members = Members(ledger=ledger, rulebook=rulebook, origin=settings.origin)
    noticing = assemble_noticing(
        settings=settings,
        clock=clock,
        database=database,
        rulebook=rulebook,
        sealer=sealer,
        signing_key=signing_key,
        jobs=jobs,
        members=members,
        contents=contents,
        incidents=incidents,
        listeners=listeners,
        lookups=lookups,
    )
    own_door = assemble_own_door(
        settings=settings,
        clock=clock,
        wall=wall,
        database=database,
        rulebook=rulebook,
        sealer=sealer,
        keyring=keyring,
        protector=protector,
        ledger=ledger,
        directory=directory,
        jobs=jobs,
        contents=contents,
        signing_key=signing_key,
        incidents=incidents,
        lookups=lookups,
        listeners=listeners,
        noticing=noticing,
        authorisations=authorisations,
        hearing=Hearings(),
    )
    contesting = assemble_contesting(
        database=database,
        clock=clock,
        rulebook=rulebook,
        sealer=sealer,
        ledger=ledger,
        directory=directory,
        members=members,
        incidents=incidents,
        listeners=listeners,
        notices=noticing.notices,
        letters=noticing.letters,
        keyring=keyring,
        protector=protector,
        jobs=jobs,
    )
    auditing = assemble_auditing(
        settings=settings,
        database=database,
        rulebook=rulebook,
        signing_key=signing_key,
        protector=protector,
        ledger=ledger,
        contents=contents,
        incidents=incidents,
        lookups=lookups,
        noticing=noticing,
        contesting=contesting,
        sessions=own_door.sessions,
        authorisations=own_door.authorisations,
    )
    screening = assemble_screening(
        settings=settings,
        database=database,
        rulebook=rulebook,
        signing_key=signing_key,
        keyring=keyring,
        protector=protector,
        ledger=ledger,
        jobs=jobs,
        directory=directory,
        listeners=listeners,
    )
    return Node(
        settings=settings,
        clock=clock,
        database=database,
        rulebook=rulebook,
        signing_key=signing_key,
        keyring=keyring,
        protector=protector,
        ledger=ledger,
        jobs=jobs,
        # Here each room brings its kinds of work.
        worker=assemble_worker(
            database,
            clock,
            directory,
            kinds=[
                *auditing.upkeep.kinds,
                *noticing.kinds,
                *contesting.kinds,
                *own_door.chores.kinds(),
                *screening_kinds(screening.screening, clock),
                *imports.kinds(),
            ],
        ),
        directory=directory,
        members=members,
        evaluations=Evaluations(database=database, keyring=keyring),
        incidents=incidents,
        incident_listeners=listeners,
        imports=imports,
        lookups=lookups,
        noticing=noticing,
        contesting=contesting,
        sequencer=_sequencer(settings, database, signing_key, marks),
        log_watch=log_watch,
        witness=_witness(settings, database, signing_key),
        fsck=_fsck(
            settings,
            database,
            ContentCheck(ledger=ledger, sealer=sealer, lookup_key_of=protector.lookup_key),
            signing_key,
            marks,
        ),
        contents=contents,
        own_door=own_door,
        auditing=auditing,
        screening=screening,
    )


def _log_watch(settings: Settings) -> LogWatch:
    limits = LogLimits(
        lag_warn_seconds=settings.log_lag_warn_seconds,
        lag_degrade_seconds=settings.log_lag_degrade_seconds,
        lag_refuse_seconds=settings.log_lag_refuse_seconds,
        disk_free_min_mebibytes=settings.disk_free_min_mebibytes,
    )
    return LogWatch(home=settings.home, limits=limits)


def _sequencer(
    settings: Settings, database: Database, key: PrivateKey, marks: HighWaterMarks
) -> Sequencer:
    return Sequencer(
        database=database,
        key=key,
        authority=settings.authority,
        marks=marks,
        clock=SystemClock(),
    )


def _fsck(
    settings: Settings,
    database: Database,
    contents: ContentCheck,
    key: PrivateKey,
    marks: HighWaterMarks,
) -> Fsck:
    return Fsck(
        database=database,
        contents=contents,
        key=key.public,
        authority=settings.authority,
        marks=marks,
    )


def _witness(settings: Settings, database: Database, key: PrivateKey) -> Witness:
    return Witness(
        database=database,
        marks=HighWaterMarks(settings.witness_marks_directory),
        name=f"{settings.authority}/witness",
        key=key,
        logs=read_witnessed_logs(settings.home / LOGS_FILE_NAME),
    )
