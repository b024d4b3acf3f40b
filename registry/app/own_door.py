"""Assembles the person's own door."""

from dataclasses import dataclass

from registry.crypto.sealing import Sealer
from registry.database.engine import Database
from registry.identity.keyring import Keyring
from registry.identity.protection import Protector
from registry.jobs.service import Jobs
from registry.kernel.clock import Clock
from registry.ledger.service import Ledger
from registry.members.service import Directory
from registry.rulebook.model import Rulebook
from registry.settings import Mode, Settings
from registry.subjects.chores import Chores
from registry.subjects.evaluating import Identifiers, OwnShare
from registry.subjects.own import SubjectDoor
from registry.subjects.recording import OwnViews
from registry.subjects.senders import FileSender, MailSender, Senders
from registry.subjects.sending import Channel, CodeSender
from registry.subjects.service import SubjectAccess
from registry.subjects.sessions import Sessions
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
) -> OwnDoor:
    """The services over the rooms of one node."""
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
    return OwnDoor(
        door=SubjectDoor(database=database, sessions=sessions, wall=wall, clock=clock),
        access=SubjectAccess(
            origin=settings.origin,
            edition=rulebook.current,
            keyring=keyring,
            directory=directory,
            identifiers=identifiers,
            sign_ins=sign_ins,
            sessions=sessions,
            own_views=own_views,
        ),
        sign_ins=sign_ins,
        sessions=sessions,
        own_views=own_views,
        chores=Chores(
            database=database,
            wall=wall,
            senders=senders,
            sign_ins=sign_ins,
            sessions=sessions,
        ),
    )


def _senders(settings: Settings) -> dict[Channel, CodeSender]:
    """A sandbox writes what it would send into a file; its people are made up."""
    if settings.mode is Mode.SANDBOX:
        to_file = FileSender(settings.home / SANDBOX_CODES_FILE)
        return {Channel.MAIL: to_file, Channel.SMS: to_file}
    if not settings.mail_server:
        return {}
    password = settings.mail_password_file
    return {
        Channel.MAIL: MailSender(
            server=settings.mail_server,
            sender=settings.mail_from,
            password=password.read_text(encoding="utf-8").strip() if password else None,
        )
    }
