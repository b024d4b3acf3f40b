"""Assembles the person's own door."""

from dataclasses import dataclass

from registry.app.noticing import Noticing, relay_of
from registry.crypto.sealing import Sealer
from registry.crypto.signature import PrivateKey
from registry.database.engine import Database
from registry.identity.keyring import Keyring
from registry.identity.protection import Protector
from registry.incidents.changes import Listeners
from registry.incidents.service import Incidents
from registry.jobs.service import Jobs
from registry.kernel.clock import Clock
from registry.ledger.contents import Contents
from registry.ledger.history import SubjectHistory
from registry.ledger.service import Ledger
from registry.lookups.service import Lookups
from registry.members.service import Directory
from registry.rulebook.model import Rulebook
from registry.settings import Mode, Settings
from registry.subjects.alerts import LetterAlerts, SeveranceNotices
from registry.subjects.authorisations import Authorisations
from registry.subjects.chores import Chores
from registry.subjects.contests import Hearing
from registry.subjects.corrections import OwnCorrections
from registry.subjects.covering import Covering
from registry.subjects.evaluating import Identifiers, OwnShare
from registry.subjects.exporting import OwnExports
from registry.subjects.histories import Histories
from registry.subjects.own import SubjectDoor
from registry.subjects.recording import OwnViews
from registry.subjects.records import OwnRecords
from registry.subjects.sayings import Sayings
from registry.subjects.senders import FileSender, MailSender, Senders
from registry.subjects.sending import Channel, CodeSender
from registry.subjects.service import SubjectAccess
from registry.subjects.sessions import Sessions
from registry.subjects.severing import Severing
from registry.subjects.sign_ins import SignIns

SANDBOX_CODES_FILE = "codes.ndjson"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnDoor:
    """The services people ask about themselves."""

    door: SubjectDoor
    access: SubjectAccess
    sign_ins: SignIns
    sessions: Sessions
    own_views: OwnViews
    authorisations: Authorisations
    records: OwnRecords
    histories: Histories
    sayings: Sayings
    severing: Severing
    exports: OwnExports
    corrections: OwnCorrections
    chores: Chores


def assemble_own_door(
    *,
    settings: Settings,
    clock: Clock,
    wall: Clock,
    database: Database,
    rulebook: Rulebook,
    sealer: Sealer,
    keyring: Keyring,
    protector: Protector,
    ledger: Ledger,
    directory: Directory,
    jobs: Jobs,
    contents: Contents,
    signing_key: PrivateKey,
    incidents: Incidents,
    lookups: Lookups,
    listeners: Listeners,
    noticing: Noticing,
    authorisations: Authorisations,
    hearing: Hearing,
) -> OwnDoor:
    """The services over the rooms of one node; alerts listen from here on."""
    senders = Senders(_senders(settings))
    identifiers = Identifiers(
        federation=settings.federation,
        keyring=keyring,
        protector=protector,
        evaluator=OwnShare(),
    )
    sign_ins = SignIns(
        identifiers=identifiers,
        protector=protector,
        sealer=sealer,
        jobs=jobs,
        channels=senders.channels,
    )
    sessions = Sessions(protector=protector)
    own_views = OwnViews(ledger=ledger, edition=rulebook.current.name)
    edition = rulebook.current
    records = OwnRecords(edition=edition, incidents=incidents, directory=directory, hearing=hearing)
    histories = Histories(
        edition=edition,
        contents=contents,
        incidents=incidents,
        directory=directory,
        history=SubjectHistory(contents=contents, origin=settings.origin, key=signing_key),
    )
    alerts = LetterAlerts(
        edition=edition,
        directory=directory,
        incidents=incidents,
        contacts=noticing.contacts,
        letters=noticing.letters,
    )
    lookups.subscribe(alerts)
    listeners.subscribe(alerts)
    return OwnDoor(
        door=SubjectDoor(
            database=database, sessions=sessions, directory=directory, wall=wall, clock=clock
        ),
        access=SubjectAccess(
            origin=settings.origin,
            edition=rulebook.current,
            keyring=keyring,
            directory=directory,
            identifiers=identifiers,
            sign_ins=sign_ins,
            sessions=sessions,
            own_views=own_views,
            contacts=noticing.contacts,
            covering=Covering(edition=edition, incidents=incidents, own_views=own_views),
        ),
        sign_ins=sign_ins,
        sessions=sessions,
        own_views=own_views,
        authorisations=authorisations,
        records=records,
        histories=histories,
        sayings=Sayings(
            edition=edition,
            incidents=incidents,
            own_views=own_views,
            contacts=noticing.contacts,
        ),
        severing=Severing(
            incidents=incidents,
            records=records,
            own_views=own_views,
            furnishers=SeveranceNotices(notices=noticing.notices),
        ),
        exports=OwnExports(
            origin=settings.origin,
            edition=edition,
            key=signing_key,
            ledger=ledger,
            records=records,
            histories=histories,
            own_views=own_views,
        ),
        corrections=OwnCorrections(
            edition=edition,
            corrections=noticing.corrections,
            certificates=noticing.certificates,
        ),
        chores=Chores(
            database=database,
            wall=wall,
            senders=senders,
            sign_ins=sign_ins,
            sessions=sessions,
            authorisations=authorisations,
        ),
    )


def _senders(settings: Settings) -> dict[Channel, CodeSender]:
    """A sandbox writes what it would send into a file; its people are made up."""
    if settings.mode is Mode.SANDBOX:
        to_file = FileSender(settings.home / SANDBOX_CODES_FILE)
        return {Channel.MAIL: to_file, Channel.SMS: to_file}
    relay = relay_of(settings)
    if relay is None:
        return {}
    authority = settings.authority.replace(":", ".")
    return {Channel.MAIL: MailSender(relay=relay, authority=authority)}
