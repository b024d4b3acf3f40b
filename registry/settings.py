"""Settings: one frozen value, read once, from the node's file and the environment.

`$REGISTRY_HOME/settings.toml` holds what `registry init` wrote; a `REGISTRY_*`
variable overrides it. An unknown name in either stops the start: a typing error
in a limit must not silently leave the limit off. Secrets are files, never
settings.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from registry.kernel.problems import Kind, Problem, Text

PREFIX = "REGISTRY_"
FILE_NAME = "settings.toml"


class SettingsInvalid(Problem):
    """The node cannot start with these settings."""

    kind = Kind.INVALID
    title = Text(en="The settings are invalid", zh="配置无效")
    advice = Text(
        en="Compare settings.toml and the REGISTRY_* variables with docs/operating.md.",
        zh="请对照 docs/operating.md 检查 settings.toml 与 REGISTRY_* 环境变量。",
    )


class Mode(StrEnum):
    """Whether people are real. One database never holds both."""

    LIVE = "live"
    SANDBOX = "sandbox"


class Place(StrEnum):
    """Where work is done that is no call: beside the API in its processes, or by a command."""

    INLINE = "inline"
    SEPARATE = "separate"


class DoorKind(StrEnum):
    """Which application `registry serve` serves; both answer the same."""

    LEAN = "lean"
    FLASK = "flask"


class AuthorisationRule(StrEnum):
    """On which ground members may look people up."""

    CONSENT = "consent"
    ONE_USE = "one_use"


_MAIL_SCHEMES = frozenset({"smtp", "smtp+starttls", "smtps"})
_COUNTS = ("database_connections_max", "workers", "threads")
_LIMITS = (
    "log_lag_warn_seconds",
    "log_lag_degrade_seconds",
    "log_lag_refuse_seconds",
    "disk_free_min_mebibytes",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All a node is told from outside.

    `origin` is scheme and authority of the public address, without a trailing
    slash; it is the audience of every signed request and may not change while
    members hold it. `kek_file` is the key-encryption key, best kept on another
    volume than the database. `mail_server` is an URL: `smtp://`,
    `smtp+starttls://` or `smtps://`, with a user where it asks for one.
    """

    home: Path
    origin: str = "http://127.0.0.1:8080"
    federation: str = "sandbox.example"
    mode: Mode = Mode.LIVE
    edition: str = "cn-2026.1"
    database_url: str = ""
    kek_file: Path = Path()
    database_connections_max: int = 16
    workers: int = 2
    threads: int = 8
    door: DoorKind = DoorKind.LEAN
    sequencer: Place = Place.INLINE
    jobs: Place = Place.INLINE
    log_lag_warn_seconds: int = 10
    log_lag_degrade_seconds: int = 60
    log_lag_refuse_seconds: int = 300
    disk_free_min_mebibytes: int = 64
    authorisation: AuthorisationRule = AuthorisationRule.CONSENT
    mail_server: str = ""
    mail_from: str = ""
    mail_password_file: Path | None = None

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, *, home: Path | None = None) -> Self:
        """The settings of the node at `home`, else at REGISTRY_HOME, else in var/node.

        Raises: SettingsInvalid.
        """
        given = os.environ if environ is None else environ
        variables = {
            name.removeprefix(PREFIX).lower(): value
            for name, value in given.items()
            if name.startswith(PREFIX)
        }
        named = variables.pop("home", "")
        place = home or Path(named or "var/node")
        values = _file_values(place / FILE_NAME) | variables
        unknown = values.keys() - {field.name for field in fields(cls)} | values.keys() & {"home"}
        if unknown:
            raise SettingsInvalid(f"Unknown settings: {', '.join(sorted(unknown))}.")
        return cls(home=place, **{name: _typed(name, value) for name, value in values.items()})

    def __post_init__(self) -> None:
        parts = urlsplit(self.origin)
        if (
            parts.scheme not in {"http", "https"}
            or self.origin != f"{parts.scheme}://{parts.netloc}"
        ):
            raise SettingsInvalid("origin must be scheme://host[:port] without a path.")
        if self.mode is Mode.LIVE and parts.scheme != "https" and not _is_loopback(parts.hostname):
            raise SettingsInvalid("A live registry's origin must be https.")
        if not 1 <= len(self.federation.encode()) <= 253 or not self.federation.isascii():
            raise SettingsInvalid("federation must be 1 to 253 ASCII characters.")
        for name in _COUNTS:
            if not 1 <= getattr(self, name) <= 1024:
                raise SettingsInvalid(f"{name} must be from 1 to 1024.")
        for name in _LIMITS:
            if not 1 <= getattr(self, name) <= 1_000_000:
                raise SettingsInvalid(f"{name} must be from 1 to 1000000.")
        self._check_mail()
        if not self.database_url:
            url = f"sqlite:///{self.home.resolve() / 'registry.sqlite3'}"
            object.__setattr__(self, "database_url", url)
        if self.kek_file == Path():
            object.__setattr__(self, "kek_file", self.home / "keys" / "kek")

    def _check_mail(self) -> None:
        if not self.mail_server:
            return
        parts = urlsplit(self.mail_server)
        if parts.scheme not in _MAIL_SCHEMES or not parts.hostname or parts.password is not None:
            raise SettingsInvalid(
                "mail_server must be smtp://, smtp+starttls:// or smtps:// with a host; "
                "a password belongs into mail_password_file."
            )
        if parts.scheme == "smtp" and self.mode is Mode.LIVE and not _is_loopback(parts.hostname):
            raise SettingsInvalid("mail_server without TLS is for this machine, or a sandbox.")
        if "@" not in self.mail_from:
            raise SettingsInvalid("mail_from must be a mail address where mail_server is given.")

    @property
    def authority(self) -> str:
        """Host and port of the origin: the stem of the logs' names."""
        return urlsplit(self.origin).netloc

    @property
    def keys_directory(self) -> Path:
        """Where the node's sealed key files lie."""
        return self.home / "keys"

    @property
    def marks_directory(self) -> Path:
        """Where the logs' high-water marks lie: on no volume a database backup restores."""
        return self.home / "high-water"

    @property
    def witness_marks_directory(self) -> Path:
        """Where the marks of what was cosigned lie, under the same rule."""
        return self.home / "high-water" / "witnessed"

    @property
    def snapshots_directory(self) -> Path:
        """Where screening's snapshots lie, ready to be sent; made again where they are lost."""
        return self.home / "screening"

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is the embedded one, which takes one server process."""
        return self.database_url.startswith("sqlite")

    def with_origin(self, origin: str) -> "Settings":
        """The same settings for another public address."""
        return replace(self, origin=origin)


def _is_loopback(host: str | None) -> bool:
    return host in {"127.0.0.1", "localhost", "::1"}


def _file_values(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsInvalid(f"{path} cannot be read as TOML.") from error


def _typed(name: str, value: Any) -> Any:
    try:
        match name:
            case "mode":
                return Mode(value)
            case "kek_file" | "mail_password_file":
                return Path(value)
            case "door":
                return DoorKind(value)
            case "sequencer" | "jobs":
                return Place(value)
            case "authorisation":
                return AuthorisationRule(value)
            case _ if name in _COUNTS or name in _LIMITS:
                return int(value)
    except (TypeError, ValueError) as error:
        raise SettingsInvalid(f"{name} cannot be {value!r}.") from error
    if not isinstance(value, str):
        raise SettingsInvalid(f"{name} must be text.")
    return value
