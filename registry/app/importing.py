"""Assembles imports: the wire's reader, the rules, and the job that works them off."""

from registry.crypto.sealing import Sealer
from registry.database.engine import Database
from registry.identity.keyring import Keyring
from registry.incidents.bulk_filing import BulkFiler
from registry.incidents.import_schemas import read_line
from registry.incidents.imports import Imports
from registry.incidents.service import Incidents
from registry.jobs.service import Jobs
from registry.members.service import Directory
from registry.rulebook.model import Rulebook


def assemble_imports(
    *,
    database: Database,
    rulebook: Rulebook,
    sealer: Sealer,
    keyring: Keyring,
    directory: Directory,
    incidents: Incidents,
    jobs: Jobs,
) -> Imports:
    """Imports over the room that files single reports, with its very rules."""
    return Imports(
        database=database,
        sealer=sealer,
        directory=directory,
        jobs=jobs,
        filer=BulkFiler(read=read_line, rulebook=rulebook, keyring=keyring, parts=incidents.parts),
    )
