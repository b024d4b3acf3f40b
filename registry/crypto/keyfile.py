"""Secrets in files: written whole or not at all, read only when nobody else can.

Two kinds. A *guarded* file is any secret bytes with mode 0600 (a member's PEM,
the key-encryption key). A *key file* is JSON whose secret is sealed under the
key-encryption key; the seal covers every other member of it, so that a key
cannot be given another's name or status unseen.
"""

import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from registry.crypto.sealing import Sealer
from registry.kernel import base64url, strict_json
from registry.kernel.canonical import JsonValue, canonical_json
from registry.kernel.problems import Kind, Problem, Text

FILE_BYTES_MAX = 65_536
RANDOM_KEY_BYTES = 32

_VERSION = 1
_OWNER_ONLY = 0o600
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_MEMBERS = {"version", "kind", "id", "public", "attributes", "sealed"}


class KeyFileUnusable(Problem):
    """A secret file is missing, readable by others, or not what it should be."""

    kind = Kind.FAULT
    title = Text(en="A key file cannot be used", zh="密钥文件不可用")
    advice = Text(
        en="The operator gives the file to the service's account alone: chmod 600.",
        zh="请运营者将该文件的权限设为仅服务账户可读写：chmod 600。",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """A secret with what may be known about it; the secret is in no repr."""

    kind: str
    id: str
    public: bytes
    attributes: Mapping[str, JsonValue]
    secret: bytes = field(repr=False, compare=False)


def create_key_file(path: Path, key_file: KeyFile, sealer: Sealer) -> None:
    """Writes a new key file.

    Raises: KeyFileUnusable when there is a file of this name already.
    """
    create_guarded(path, _dump(key_file, sealer))


def replace_key_file(path: Path, key_file: KeyFile, sealer: Sealer) -> None:
    """Writes a key file in the place of an older one."""
    replace_guarded(path, _dump(key_file, sealer))


def read_key_file(path: Path, kind: str, sealer: Sealer) -> KeyFile:
    """The key file at `path`, which is of this `kind` and unchanged since sealed.

    Raises: KeyFileUnusable; SealBroken when it was sealed under another key.
    """
    try:
        members = strict_json.parse(read_guarded(path))
        if not isinstance(members, dict) or members.keys() != _MEMBERS:
            raise ValueError("members missing or unknown")
        if members["version"] != _VERSION or members["kind"] != kind:
            raise ValueError("another version or kind")
        sealed = base64url.decode(members.pop("sealed"))
        return KeyFile(
            kind=kind,
            id=members["id"],
            public=base64url.decode(members["public"]),
            attributes=members["attributes"],
            secret=sealer.open(sealed, canonical_json(members)),
        )
    except (ValueError, TypeError, strict_json.MalformedJson) as error:
        raise KeyFileUnusable(f"{path} is not a key file of kind {kind}.") from error


def create_random_key(path: Path) -> bytes:
    """Writes 32 fresh random bytes, as base64url text, to a new guarded file.

    Raises: KeyFileUnusable when there is a file of this name already.
    """
    key = secrets.token_bytes(RANDOM_KEY_BYTES)
    create_guarded(path, base64url.encode(key).encode("ascii") + b"\n")
    return key


def read_random_key(path: Path) -> bytes:
    """The 32 bytes that `create_random_key` wrote.

    Raises: KeyFileUnusable.
    """
    try:
        key = base64url.decode(read_guarded(path).decode("ascii").strip())
    except ValueError as error:
        raise KeyFileUnusable(f"{path} does not hold base64url text.") from error
    if len(key) != RANDOM_KEY_BYTES:
        raise KeyFileUnusable(f"{path} does not hold {RANDOM_KEY_BYTES} bytes.")
    return key


def create_guarded(path: Path, data: bytes) -> None:
    """Writes a new file of mode 0600, complete on disk when this returns.

    Raises: KeyFileUnusable when there is a file of this name already: a key
    that is overwritten is lost.
    """
    with _written_beside(path, data) as temporary:
        try:
            # A link, unlike a rename, fails when the name is taken.
            path.hardlink_to(temporary)
        except FileExistsError as error:
            raise KeyFileUnusable(f"{path} exists already and is not overwritten.") from error


def replace_guarded(path: Path, data: bytes) -> None:
    """Writes a file of mode 0600: after a crash it is the old one or the new one."""
    with _written_beside(path, data) as temporary:
        temporary.replace(path)


def read_guarded(path: Path) -> bytes:
    """The bytes of a regular file that only its owner can reach.

    Raises: KeyFileUnusable.
    """
    try:
        with path.open("rb") as file:
            # Asked of the open file, so that it cannot be exchanged in between.
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise KeyFileUnusable(f"{path} is not a regular file.")
            if os.name == "posix" and status.st_mode & _OTHERS:
                raise KeyFileUnusable(f"{path} can be reached by others than its owner.")
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise KeyFileUnusable(f"{path} cannot be read: {error.strerror}.") from error
    if len(data) > FILE_BYTES_MAX:
        raise KeyFileUnusable(f"{path} is longer than {FILE_BYTES_MAX} bytes.")
    return data


def _dump(key_file: KeyFile, sealer: Sealer) -> bytes:
    members: dict[str, JsonValue] = {
        "version": _VERSION,
        "kind": key_file.kind,
        "id": key_file.id,
        "public": base64url.encode(key_file.public),
        "attributes": key_file.attributes,
    }
    sealed = sealer.seal(key_file.secret, canonical_json(members))
    return canonical_json(members | {"sealed": base64url.encode(sealed)}) + b"\n"


@contextmanager
def _written_beside(path: Path, data: bytes) -> Iterator[Path]:
    """A complete, synced file next to `path`; its directory is synced at the end."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    except OSError as error:
        raise KeyFileUnusable(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    # Without this a crash can lose the name of a file whose bytes are on disk.
    if os.name == "posix":
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
