"""Assembles what tells members and people: outbox, webhooks, letters, corrections."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from registry.crypto.sealing import Sealer
from registry.crypto.signature import PrivateKey
from registry.database.engine import Database
from registry.incidents.changes import Listeners
from registry.incidents.service import Incidents
from registry.jobs.kinds import Kind
from registry.jobs.service import Jobs
from registry.kernel.clock import Clock, SystemClock
from registry.ledger.contents import Contents
from registry.lookups.service import Lookups
from registry.members.service import Members
from registry.notices.adverse_action import AdverseAction
from registry.notices.catalogue import Catalogue
from registry.notices.certificates import Certificates
from registry.notices.contacts import Contacts
from registry.notices.corrections import Corrections
from registry.notices.delivering import Deliveries
from registry.notices.letters import Letters
from registry.notices.mail import PORTS, MailTls, Relay
from registry.notices.outside import Outside, trusting_context
from registry.notices.service import Notices
from registry.notices.webhooks import Webhooks
from registry.rulebook.model import Rulebook
from registry.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticing:
    """The services of the notices' room."""

    notices: Notices
    webhooks: Webhooks
    deliveries: Deliveries
    contacts: Contacts
    letters: Letters
    corrections: Corrections
    certificates: Certificates
    adverse_action: AdverseAction

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The work the room's promises make."""
        return (
            self.notices.periodic,
            self.deliveries.errand,
            *self.letters.kinds,
            *self.corrections.kinds,
        )


def assemble_noticing(
    *,
    settings: Settings,
    clock: Clock,
    database: Database,
    rulebook: Rulebook,
    sealer: Sealer,
    signing_key: PrivateKey,
    jobs: Jobs,
    members: Members,
    contents: Contents,
    incidents: Incidents,
    listeners: Listeners,
    lookups: Lookups,
) -> Noticing:
    """The services of one node; corrections listen to incidents from here on."""
    edition = rulebook.current
    notices = Notices(jobs=jobs, members=members)
    webhooks = Webhooks(notices=notices, sealer=sealer, mode=settings.mode)
    contacts = Contacts(sealer=sealer)
    letters = Letters(
        database=database,
        jobs=jobs,
        notices=notices,
        contacts=contacts,
        catalogue=Catalogue.load(edition=edition, origin=settings.origin),
        sealer=sealer,
        relay=relay_of(settings),
        edition=edition,
        authority=settings.authority,
        clock=clock,
    )
    corrections = Corrections(
        jobs=jobs,
        notices=notices,
        letters=letters,
        members=members,
        contents=contents,
        edition=edition,
    )
    listeners.subscribe(corrections)
    return Noticing(
        notices=notices,
        webhooks=webhooks,
        deliveries=Deliveries(
            database=database,
            notices=notices,
            webhooks=webhooks,
            letters=letters,
            outside=Outside(mode=settings.mode, wall=SystemClock(), tls=trusting_context()),
            clock=clock,
        ),
        contacts=contacts,
        letters=letters,
        corrections=corrections,
        certificates=Certificates(
            corrections=corrections, members=members, origin=settings.origin, key=signing_key
        ),
        adverse_action=AdverseAction(
            lookups=lookups,
            incidents=incidents,
            members=members,
            rulebook=rulebook,
            origin=settings.origin,
        ),
    )


def relay_of(settings: Settings) -> Relay | None:
    """The mail relay of the settings; None: letters go by messenger alone."""
    if not settings.mail_server:
        return None
    parts = urlsplit(settings.mail_server)
    tls = MailTls(parts.scheme)

    def password() -> str:
        path = settings.mail_password_file
        assert path is not None, "a user has a password"
        return path.read_text(encoding="utf-8").strip()

    return Relay(
        host=parts.hostname or "",
        port=parts.port or PORTS[tls],
        tls=tls,
        sender=settings.mail_from,
        user=parts.username or "" if settings.mail_password_file else "",
        password=password,
        context=trusting_context(),
    )
