"""Makes the sandbox node, admits its members, and writes what a client needs."""

import json
import re
import secrets
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click

from registry.app.home import create_node
from registry.app.node import Node, migrate
from registry.cli.sandbox.people import Platform
from registry.cli.sandbox.published import PUBLISHED
from registry.client import Registry
from registry.crypto.keyfile import create_guarded
from registry.crypto.signature import Algorithm, PrivateKey
from registry.members.key_proof import make_key_proof
from registry.members.model import Admission, Member, Role
from registry.settings import FILE_NAME, Mode, Settings

FEDERATION = "sandbox.registry.example"
REGION = "US"
_EVALUATIONS_PER_HOUR = 1_000_000
_REQUESTS_PER_MINUTE = 1_000_000
_MEMBERS: Sequence[tuple[str, frozenset[Role], Algorithm]] = (
    (Platform.HARBOUR, frozenset({Role.FURNISHER, Role.INQUIRER}), Algorithm.EDDSA),
    (Platform.LANTERN, frozenset({Role.FURNISHER, Role.INQUIRER}), Algorithm.EDDSA),
    (Platform.KITE, frozenset({Role.INQUIRER}), Algorithm.ES256),
    ("Sandbox Supervisor", frozenset({Role.SUPERVISOR}), Algorithm.EDDSA),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxMember:
    """A made-up member, with its private key as a member would hold it."""

    member: Member
    key: PrivateKey
    key_file: Path

    @property
    def slug(self) -> str:
        """The name of the member's profile."""
        return re.sub(r"[^a-z0-9]+", "-", self.member.name.lower())

    def connect(self, origin: str) -> Registry:
        """This member's SDK."""
        return Registry(origin, self.member.id, self.key, federation=FEDERATION, region=REGION)


def prepare_home(home: Path, port: int) -> Settings:
    """A fresh sandbox node at `home`; an older sandbox there is replaced.

    Raises: click.UsageError where something else lies at `home`, or the port is
    taken.
    """
    _require_free(port)
    if home.exists() and any(home.iterdir()):
        if not _is_sandbox(home):
            raise click.UsageError(f"{home} holds something else than a sandbox; choose --home.")
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True)
    create_node(
        Settings(
            home=home,
            origin=f"http://127.0.0.1:{port}",
            federation=FEDERATION,
            mode=Mode.SANDBOX,
        )
    )
    settings = Settings.load({}, home=home)
    migrate(settings)
    return settings


def admit_members(node: Node, now: datetime) -> list[SandboxMember]:
    """The three platforms and the supervisor, each admitted with a key it proves to hold."""
    return [_admit(node, name, roles, algorithm, now) for name, roles, algorithm in _MEMBERS]


def write_profiles(settings: Settings, members: Sequence[SandboxMember]) -> Path:
    """DIR/demo.json for any client, and one SDK profile a member; gives the former."""
    profiles = settings.home / "profiles"
    profiles.mkdir(exist_ok=True)
    for each in members:
        profile = {
            "origin": settings.origin,
            "federation": settings.federation,
            "member": each.member.id,
            "name": each.member.name,
            "kid": each.key.public.kid,
            "alg": each.key.algorithm.value,
            "private_key_file": str(each.key_file),
            "region": REGION,
        }
        _write_json(profiles / f"{each.slug}.json", profile)
    path = settings.home / "demo.json"
    _write_json(
        path,
        {
            "origin": settings.origin,
            "federation": settings.federation,
            "members": [_described(each) for each in members],
            "magic": [
                {
                    "type": each.identifier.type.value,
                    "identifier": each.identifier.value,
                    "outcome": each.outcome,
                }
                for each in PUBLISHED
            ],
        },
    )
    return path


def _admit(
    node: Node, name: str, roles: frozenset[Role], algorithm: Algorithm, now: datetime
) -> SandboxMember:
    key = PrivateKey.generate(algorithm)
    proof = make_key_proof(key, audience=node.settings.origin, now=now, jti=secrets.token_bytes(16))
    admission = Admission(
        name=str(name),
        roles=roles,
        evaluations_per_hour=_EVALUATIONS_PER_HOUR,
        requests_per_minute=_REQUESTS_PER_MINUTE,
    )
    with node.database.transaction() as transaction:
        member = node.members.admit(transaction, admission, [proof], now)
    directory = node.settings.home / "members"
    directory.mkdir(exist_ok=True, mode=0o700)
    key_file = (directory / f"{member.id}.pem").resolve()
    create_guarded(key_file, key.to_pem())
    return SandboxMember(member=member, key=key, key_file=key_file)


def _described(each: SandboxMember) -> dict[str, object]:
    return {
        "id": each.member.id,
        "name": each.member.name,
        "roles": sorted(role.value for role in each.member.roles),
        "scopes": sorted(scope.value for scope in each.member.scopes),
        "kid": each.key.public.kid,
        "alg": each.key.algorithm.value,
        "private_key_file": str(each.key_file),
    }


def _write_json(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _is_sandbox(home: Path) -> bool:
    # Only its own settings file says so: nobody's directory is removed by its name.
    return (home / FILE_NAME).is_file() and Settings.load({}, home=home).mode is Mode.SANDBOX


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise click.UsageError(f"Port {port} is taken; choose another with --port.") from error
