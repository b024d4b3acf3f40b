"""A node's home: its settings file and its keys, made once and read at each start."""

import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path

from registry.crypto.keyfile import (
    KeyFile,
    create_key_file,
    create_random_key,
    read_key_file,
    read_random_key,
)
from registry.crypto.sealing import Sealer
from registry.crypto.signature import PrivateKey
from registry.identity.keyring import create_oprf_key
from registry.kernel.clock import SystemClock
from registry.kernel.problems import Kind, Problem, Text
from registry.settings import FILE_NAME, Settings

FIRST_KEY_ID = "k1"
PEPPER_BYTES = 32
_SIGNING_KIND = "node-signing"
_PEPPER_KIND = "pepper"


class NodeExists(Problem):
    """The directory holds a node already; its keys are not overwritten."""

    kind = Kind.CONFLICT
    title = Text(en="There is a node here already", zh="此处已有节点")
    advice = Text(en="Choose another directory.", zh="请选择其他目录。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What a home keeps for the node alone."""

    sealer: Sealer
    signing_key: PrivateKey
    pepper: bytes

    @property
    def pepper_id(self) -> str:
        """Names the pepper a database was filled under, and tells nothing of it."""
        return hmac.digest(self.pepper, b"ccr-pepper-id-v1", "sha256").hex()[:16]


def create_node(settings: Settings) -> None:
    """Makes a node's home: its settings file and its keys, all of them fresh.

    Raises: NodeExists; KeyFileUnusable.
    """
    if (settings.home / FILE_NAME).exists() or settings.keys_directory.exists():
        raise NodeExists(f"{settings.home} holds a node.")
    # The database lies here, too: nobody else's account reads either.
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.keys_directory.mkdir(mode=0o700)
    settings.kek_file.parent.mkdir(parents=True, exist_ok=True)
    sealer = Sealer(create_random_key(settings.kek_file))
    signing_key = PrivateKey.generate()
    _create_secret(settings, sealer, _SIGNING_KIND, signing_key.public.raw, signing_key.to_pem())
    _create_secret(settings, sealer, _PEPPER_KIND, b"", secrets.token_bytes(PEPPER_BYTES))
    create_oprf_key(settings.keys_directory, FIRST_KEY_ID, sealer, SystemClock().now())
    # Last: a home without its settings file is one that was not finished.
    _write_settings(settings)


def read_secrets(settings: Settings) -> Secrets:
    """The secrets in the home of `settings`. Raises: KeyFileUnusable."""
    sealer = Sealer(read_random_key(settings.kek_file))
    signing = read_key_file(_path(settings, _SIGNING_KIND), _SIGNING_KIND, sealer)
    pepper = read_key_file(_path(settings, _PEPPER_KIND), _PEPPER_KIND, sealer)
    return Secrets(
        sealer=sealer,
        signing_key=PrivateKey.from_pem(signing.secret),
        pepper=pepper.secret,
    )


def _path(settings: Settings, kind: str) -> Path:
    return settings.keys_directory / f"{kind}.json"


def _create_secret(
    settings: Settings, sealer: Sealer, kind: str, public: bytes, secret: bytes
) -> None:
    key_file = KeyFile(kind=kind, id=kind, public=public, attributes={}, secret=secret)
    create_key_file(_path(settings, kind), key_file, sealer)


def _write_settings(settings: Settings) -> None:
    # JSON strings of these characters are TOML strings.
    lines = {
        "origin": settings.origin,
        "federation": settings.federation,
        "mode": settings.mode.value,
        "edition": settings.edition,
    }
    text = "".join(f'{name} = "{value}"\n' for name, value in lines.items())
    (settings.home / FILE_NAME).write_text(
        "# Written by `registry init`; REGISTRY_* variables override it.\n" + text,
        encoding="utf-8",
    )
