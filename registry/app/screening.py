"""Assembles screening: who makes snapshots, and who serves them."""

from dataclasses import dataclass

from registry.crypto.signature import PrivateKey
from registry.database.engine import Database
from registry.identity.keyring import Keyring
from registry.identity.protection import Protector
from registry.incidents.changes import Listeners
from registry.incidents.effective import Effective
from registry.jobs.service import Jobs
from registry.ledger.service import Ledger
from registry.lookups.screening_files import SnapshotFiles
from registry.lookups.screening_making import SnapshotMaker
from registry.lookups.screening_service import Screening
from registry.lookups.screening_serving import ScreeningDoor
from registry.members.service import Directory
from registry.rulebook.model import Rulebook
from registry.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningRooms:
    """Who makes snapshots, and who serves them."""

    screening: Screening
    door: ScreeningDoor


def assemble_screening(
    *,
    settings: Settings,
    database: Database,
    rulebook: Rulebook,
    signing_key: PrivateKey,
    keyring: Keyring,
    protector: Protector,
    ledger: Ledger,
    jobs: Jobs,
    directory: Directory,
    listeners: Listeners,
) -> ScreeningRooms:
    """Both sides of screening, listening to what changes incidents."""
    files = SnapshotFiles(
        settings.snapshots_directory, key=signing_key, pad_key_of=protector.pad_key
    )
    maker = SnapshotMaker(database=database, files=files)
    screening = Screening(
        database=database,
        effective=Effective(rulebook=rulebook, directory=directory),
        protector=protector,
        keyring=keyring,
        ledger=ledger,
        jobs=jobs,
        maker=maker,
        edition=rulebook.current.name,
    )
    listeners.subscribe(screening)
    listeners.subscribe_to_removals(screening)
    door = ScreeningDoor(
        database=database,
        files=files,
        maker=maker,
        public_key=signing_key.public,
        current_key_id=keyring.current().key_id,
    )
    return ScreeningRooms(screening=screening, door=door)
