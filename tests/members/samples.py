"""Members, keys and proofs for tests."""

from dataclasses import replace
from datetime import UTC, datetime
from secrets import token_bytes

from registry.crypto.sealing import Sealer
from registry.crypto.signature import Algorithm, PrivateKey
from registry.database.engine import Database
from registry.kernel.clock import MovableClock
from registry.ledger.service import Ledger
from registry.members.key_proof import make_key_proof
from registry.members.model import Admission, Member, Role
from registry.members.service import Directory, Members
from registry.rulebook.editions import load_rulebook

ORIGIN = "https://registry.example"
NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
RULEBOOK = load_rulebook("cn-2026.1")
LEDGER_KEY = PrivateKey.from_seed(bytes(32))
PLATFORM = Admission(name="Platform One", roles={Role.FURNISHER, Role.INQUIRER})


def make_ledger() -> Ledger:
    return Ledger(origin=ORIGIN, key=LEDGER_KEY, sealer=Sealer(b"k" * 32))


def make_members() -> Members:
    return Members(ledger=make_ledger(), rulebook=RULEBOOK, origin=ORIGIN)


def make_directory(clock: MovableClock | None = None) -> Directory:
    return Directory(clock=clock or MovableClock(NOW), prior=RULEBOOK.current.reliability)


def make_key(algorithm: Algorithm = Algorithm.EDDSA) -> PrivateKey:
    return PrivateKey.generate(algorithm)


def prove(key: PrivateKey, now: datetime = NOW) -> str:
    return make_key_proof(key, audience=ORIGIN, now=now, jti=token_bytes(16))


def admit(database: Database, *keys: PrivateKey, name: str = PLATFORM.name) -> Member:
    with database.transaction() as transaction:
        return make_members().admit(
            transaction, replace(PLATFORM, name=name), [prove(key) for key in keys], NOW
        )


def refreshed(database: Database, directory: Directory) -> Directory:
    with database.reading() as transaction:
        directory.refresh(transaction)
    return directory
