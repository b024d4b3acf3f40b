"""Verifies a bundle of log entries offline, with nothing of this project at hand.

    python bundle_verifier.py BUNDLE [--vkey VKEY ...] [--json]

One file, for Python 3.11 or newer and the package `cryptography`. It shares no
line with the program that wrote the bundle, so that a mistake in the one is not
made again in the other. Exit status 0: all of it verifies; 1: something does
not, and is named; 2: wrong usage.

A bundle is a directory, or a zip of one. Each folder in it that holds a file
`checkpoint` is a log:

    checkpoint      signed note (C2SP tlog-checkpoint) of the log
    vkey            the log's verifier key (C2SP signed-note, Ed25519), one line
    witnesses       may be missing: verifier keys (tlog-cosignature/v1), one a
                    line, that must all have cosigned the checkpoint
    tile/...        may be missing: the whole log (C2SP tlog-tiles), every tile
                    and every entry bundle at the checkpoint's size
    entries.jsonl   may be missing where there are tiles: one entry a line,
                    indices rising
      {"index": 7, "entry": b64u of the 92 bytes,
       "proof": [b64u ...], or null where the bundle has the tiles,
       "opening": null, or {"header": text, "subject": text, "k_h": b64u, "k_s": b64u}}

`header` and `subject` are the exact JSON texts that the entry commits to:
bytes 28 to 60 of the entry are HMAC-SHA256(k_h, "ccr-hdr-v1" 00 || u32 length ||
header), bytes 60 to 92 HMAC-SHA256(k_s, "ccr-sub-v1" 00 || u32 length || subject).
`opening` is null where the content was erased or is not shown: the entry is
proven all the same. Other files are listed as not verified. A vkey that comes
with the bundle proves nothing by itself: give the one you know with --vkey.

Source: docs/protocol.md, section 6; RFC 6962 section 2.1; RFC 8032.
"""

import argparse
import base64
import contextlib
import hashlib
import hmac
import json
import re
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

WIDTH = 256
HASH = 32
ENTRY = 92
LINE_BYTES_MAX = 1 << 20
# What a damaged file or zip makes of reading it.
_UNREADABLE = (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


class BundleNotVerified(Exception):
    """Something in the bundle is not what it must be; the message names it."""


def fail(place: str, what: str) -> "BundleNotVerified":
    """The failure of `place`."""
    return BundleNotVerified(f"{place}: {what}")


class Files:
    """The files of a directory or a zip, by their relative paths."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.opened: set[str] = set()
        self._stack = contextlib.ExitStack()
        self._zip = None if path.is_dir() else self._stack.enter_context(zipfile.ZipFile(path))
        if self._zip is None:
            found = [each for each in path.rglob("*") if each.is_file()]
            self.names = {each.relative_to(path).as_posix() for each in found}
        else:
            listed = [name for name in self._zip.namelist() if not name.endswith("/")]
            self.names = set(listed)
            if len(self.names) != len(listed):
                raise fail(path.name, "two files of one name")

    def open(self, name: str) -> IO[bytes]:
        """The file, to be read."""
        if name not in self.names:
            raise fail(name, "it is missing")
        self.opened.add(name)
        return (self._path / name).open("rb") if self._zip is None else self._zip.open(name)

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a file, which is open until all files are closed; too long a one is cut."""
        file = self._stack.enter_context(self.open(name))
        return iter(lambda: file.readline(LINE_BYTES_MAX + 1), b"")

    def close(self) -> None:
        """Closes everything."""
        self._stack.close()

    def read(self, name: str, bytes_max: int) -> bytes:
        """All of the file."""
        with self.open(name) as file:
            data = file.read(bytes_max + 1)
        if len(data) > bytes_max:
            raise fail(name, f"longer than {bytes_max} bytes")
        return data


def verify_bundle(path: Path, vkeys: Sequence[str] = ()) -> dict[str, Any]:
    """Verifies every log in the bundle; what was found, as JSON values.

    With `vkeys`, each log must be signed with one of them. Memory does not grow
    with the bundle.

    Raises: BundleNotVerified.
    """
    try:
        with contextlib.closing(Files(path)) as files:
            folders = sorted(
                name.removesuffix("checkpoint")
                for name in files.names
                if name.rpartition("/")[2] == "checkpoint"
            )
            if not folders:
                raise fail(path.name, "no folder of it holds a checkpoint")
            logs = [LogCheck(files, folder, vkeys).run() for folder in folders]
    except _UNREADABLE as error:
        raise fail(path.name, f"it cannot be read ({error})") from error
    others = sorted(files.names - files.opened)
    return {"verified": True, "logs": logs, "files_not_verified": others}


class LogCheck:
    """The verification of one log of a bundle."""

    def __init__(self, files: Files, folder: str, vkeys: Sequence[str]) -> None:
        self._files = files
        self._folder = folder
        self._vkeys = vkeys
        self._size = 0
        self._root = b""

    def run(self) -> dict[str, Any]:
        """What was verified of the log."""
        origin, signed_by, witnesses = self._read_checkpoint()
        tiles = self._folder + "tile/"
        is_whole = not self._size or any(name.startswith(tiles) for name in self._files.names)
        lines = self._lines()
        opened: list[int] = [0, 0]
        if is_whole:
            self._verify_tree(lines, opened)
        for line in lines:
            self._verify_alone(line, is_whole)
            self._count(line, opened)
        if not is_whole and not opened[0]:
            raise fail(self._folder + "entries.jsonl", "it is missing or empty: nothing is proven")
        return {
            "origin": origin,
            "size": self._size,
            "root": base64.b64encode(self._root).decode(),
            "vkey": signed_by,
            "vkey_given": bool(self._vkeys),
            "witnesses": witnesses,
            "whole_log": is_whole,
            "entries": opened[0],
            "opened": opened[1],
        }

    def _read_checkpoint(self) -> tuple[str, str, list[str]]:
        place = self._folder + "checkpoint"
        text, signatures = parse_note(self._files.read(place, 1 << 18), place)
        shipped = self._text("vkey").strip("\n")
        name, key_id, key = parse_vkey(shipped, 1, self._folder + "vkey")
        if self._vkeys and not _same_key(shipped, self._vkeys):
            raise fail(self._folder + "vkey", "it is none of the keys given")
        if not _verifies(key, signatures.get((name, key_id)), text.encode()):
            raise fail(place, f"the signature of {name} does not verify")
        witnesses = []
        if self._folder + "witnesses" in self._files.names:
            for line in self._text("witnesses").splitlines():
                witness, witness_id, witness_key = parse_vkey(line, 4, self._folder + "witnesses")
                data = signatures.get((witness, witness_id), b"")
                seconds = int.from_bytes(data[:8], "big")
                signed = f"cosignature/v1\ntime {seconds}\n{text}".encode()
                if not _verifies(witness_key, data[8:], signed):
                    raise fail(place, f"the cosignature of {witness} does not verify")
                witnesses.append(witness)
        lines = text.split("\n")
        if len(lines) < 4 or lines[0] != name or not re.fullmatch(r"0|[1-9]\d{0,18}", lines[1]):
            raise fail(place, "it is no checkpoint of the log its key is named after")
        self._size, self._root = int(lines[1]), unbase64(lines[2], place)
        if len(self._root) != HASH:
            raise fail(place, "its root is not 32 bytes")
        return name, shipped, witnesses

    def _verify_tree(self, lines: "Lines", opened: list[int]) -> None:
        """Reads every entry, makes every tile anew and compares it."""
        levels: list[list[bytes]] = []
        for first in range(0, self._size, WIDTH):
            width = min(WIDTH, self._size - first)
            path = self._path("entries", first // WIDTH, width)
            entries = split_entries(self._files.read(path, WIDTH * (2 + 0xFFFF)), width, path)
            while lines.next is not None and lines.next["index"] < first + width:
                line = lines.take()
                if line["index"] < first or line["entry"] != entries[line["index"] - first]:
                    raise fail(lines.place, f"entry {line['index']} is not the one in {path}")
                self._count(line, opened)
            self._grow(levels, 0, [leaf_hash(entry) for entry in entries], first)
        for level, row in enumerate(levels):
            if row:
                count = self._size >> 8 * level
                self._compare(level, count // WIDTH, row)
        peaks = [root_of(row) for row in _peaks(levels)]
        root = hashlib.sha256(b"").digest()
        if peaks:
            root = peaks[-1]
            for peak in reversed(peaks[:-1]):
                root = node_hash(peak, root)
        if root != self._root:
            raise fail(self._folder + "checkpoint", "its root is not that of the entries")

    def _grow(self, levels: list[list[bytes]], level: int, hashes: list[bytes], at: int) -> None:
        if level == len(levels):
            levels.append([])
        row = levels[level]
        row += hashes
        if len(row) == WIDTH:
            index = at // WIDTH
            self._compare(level, index, row)
            levels[level] = []
            self._grow(levels, level + 1, [root_of(row)], index)

    def _compare(self, level: int, index: int, row: list[bytes]) -> None:
        path = self._path(str(level), index, len(row))
        data = self._files.read(path, WIDTH * HASH)
        if len(data) != len(row) * HASH:
            raise fail(path, f"it has not {len(row)} hashes")
        for position, made in enumerate(row):
            if data[position * HASH : (position + 1) * HASH] != made:
                below = "tile/entries" if level == 0 else f"tile/{level - 1}"
                raise fail(path, f"hash {position} is not what {below} leads to")

    def _verify_alone(self, line: dict[str, Any], is_whole: bool) -> None:
        index, proof = line["index"], line["proof"]
        place = f"{self._folder}entries.jsonl, entry {index}"
        if is_whole or index >= self._size:
            raise fail(place, "the log ends before it")
        if proof is None:
            raise fail(place, "it has no proof")
        if root_by_proof(index, self._size, leaf_hash(line["entry"]), proof) != self._root:
            raise fail(place, "its proof does not lead to the checkpoint")

    def _count(self, line: dict[str, Any], opened: list[int]) -> None:
        opened[0] += 1
        opened[1] += line["opening"] is not None

    def _lines(self) -> "Lines":
        name = self._folder + "entries.jsonl"
        if name not in self._files.names:
            return Lines(name, iter(()))
        return Lines(name, self._files.lines(name))

    def _text(self, name: str) -> str:
        try:
            return self._files.read(self._folder + name, 1 << 16).decode("ascii")
        except UnicodeDecodeError as error:
            raise fail(self._folder + name, "it is not ASCII") from error

    def _path(self, level: str, index: int, width: int) -> str:
        digits = f"{index % 1000:03}"
        while index := index // 1000:
            digits = f"x{index % 1000:03}/{digits}"
        partial = "" if width == WIDTH else f".p/{width}"
        return f"{self._folder}tile/{level}/{digits}{partial}"


class Lines:
    """The lines of entries.jsonl, each checked against its own entry, one in hand."""

    def __init__(self, place: str, lines: Iterator[bytes]) -> None:
        self.place = place
        self._lines = lines
        self._number = 0
        self._last = -1
        self.next: dict[str, Any] | None = self._read()

    def take(self) -> dict[str, Any]:
        """The line in hand; the next one is read."""
        assert self.next is not None
        line, self.next = self.next, self._read()
        return line

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while self.next is not None:
            yield self.take()

    def _read(self) -> dict[str, Any] | None:
        line = next(self._lines, None)
        if line is None:
            return None
        self._number += 1
        place = f"{self.place}, line {self._number}"
        try:
            if len(line) > LINE_BYTES_MAX:
                raise ValueError(f"longer than {LINE_BYTES_MAX} bytes")
            document = json.loads(line.decode(), object_pairs_hook=_unique)
            if set(document) != {"index", "entry", "proof", "opening"}:
                raise ValueError("other members than index, entry, proof and opening")
            index = document["index"]
            if type(index) is not int or index <= self._last or not line.endswith(b"\n"):
                raise ValueError("the index does not rise, or the line does not end")
            document["entry"] = unb64u(document["entry"])
            if len(document["entry"]) != ENTRY:
                raise ValueError("the entry is not 92 bytes")
            if document["proof"] is not None:
                document["proof"] = [unb64u(text) for text in document["proof"]]
            if document["opening"] is not None:
                verify_opening(document["entry"], document["opening"])
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
            raise fail(place, str(error)) from error
        self._last = index
        checked: dict[str, Any] = document
        return checked


def verify_opening(entry: bytes, opening: dict[str, Any]) -> None:
    """Holds the two openings to the entry's two commitments.

    Raises: ValueError, which says which of them differs.
    """
    if set(opening) != {"header", "subject", "k_h", "k_s"}:
        raise ValueError("the opening has other members than header, subject, k_h and k_s")
    for member, salt, label, at in (
        ("header", "k_h", b"ccr-hdr-v1\x00", 28),
        ("subject", "k_s", b"ccr-sub-v1\x00", 60),
    ):
        text, key = opening[member].encode(), unb64u(opening[salt])
        made = hmac.digest(key, label + len(text).to_bytes(4, "big") + text, "sha256")
        if len(key) != HASH or made != entry[at : at + HASH]:
            raise ValueError(f"{member} or {salt} is not what the entry commits to")


def parse_note(data: bytes, place: str) -> tuple[str, dict[tuple[str, bytes], bytes]]:
    """Text and signatures of a note, by key name and key id."""
    try:
        head, blank, lines = data.decode().rpartition("\n\n")
    except UnicodeDecodeError as error:
        raise fail(place, "it is not UTF-8") from error
    if not blank or not lines.endswith("\n"):
        raise fail(place, "it is no signed note")
    signatures = {}
    for line in lines[:-1].split("\n"):
        dash, name, encoded = [*line.split(" "), "", ""][:3]
        signature = unbase64(encoded, place)
        if dash != "\u2014" or not name or len(signature) < 5 or line.count(" ") != 2:
            raise fail(place, "a signature line cannot be read")
        signatures[name, signature[:4]] = signature[4:]
    return head + "\n", signatures


def parse_vkey(text: str, kind: int, place: str) -> tuple[str, bytes, bytes]:
    """Name, key id and Ed25519 key of a verifier key of this type byte."""
    name, _, rest = text.partition("+")
    hex_id, _, encoded = rest.partition("+")
    data = unbase64(encoded, place)
    key_id = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
    if len(data) != 1 + HASH or data[0] != kind or key_id.hex() != hex_id:
        raise fail(place, "it is no verifier key, or its id is another key's")
    return name, key_id, data[1:]


def split_entries(data: bytes, width: int, place: str) -> list[bytes]:
    """The entries of a bundle of `width`, each after its 16-bit length."""
    entries, at = [], 0
    for _ in range(width):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        entries.append(data[start:at])
    if at != len(data):
        raise fail(place, f"it has not {width} entries")
    return entries


def leaf_hash(entry: bytes) -> bytes:
    """RFC 6962: SHA-256(00 || entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962: SHA-256(01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(row: Sequence[bytes]) -> bytes:
    """The root over hashes whose number is a power of two."""
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


def root_by_proof(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes | None:
    """The root the proof leads to (RFC 9162 section 2.1.3.2); None where it is no proof."""
    position, last, node = index, size - 1, leaf
    for sibling in proof:
        if not last or len(sibling) != HASH:
            return None
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    return None if last else node


def unbase64(text: str, place: str) -> bytes:
    """Standard base64 in its one spelling."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise fail(place, "not base64") from error
    if base64.b64encode(data).decode() != text:
        raise fail(place, "not base64 in its one spelling")
    return data


def unb64u(text: str) -> bytes:
    """Base64url without padding, in its one spelling.

    Raises: ValueError.
    """
    data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise ValueError("not base64url in its one spelling")
    return data


def _peaks(levels: Sequence[Sequence[bytes]]) -> Iterator[Sequence[bytes]]:
    # The complete subtrees the tree is made of, the largest first.
    for row in reversed(levels):
        at = 0
        for height in reversed(range(8)):
            if len(row) & 1 << height:
                yield row[at : at + (1 << height)]
                at += 1 << height


def _verifies(key: bytes, signature: bytes | None, data: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature or b"", data)
    except (InvalidSignature, ValueError):
        return False
    return True


def _same_key(shipped: str, given: Sequence[str]) -> bool:
    # A node signs all its logs with one key, under a name of its own for each.
    _, _, key = parse_vkey(shipped, 1, "vkey")
    host = shipped.partition("/log/")[0]
    return any(
        parse_vkey(each, 1, "--vkey")[2] == key and each.partition("/log/")[0] == host
        for each in given
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a member is there twice")
    return document


def main(arguments: Sequence[str], write: Callable[[str], Any]) -> int:
    """Verifies the bundle the arguments name; gives the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("bundle", type=Path, help="a directory, or a zip of one")
    parser.add_argument("--vkey", action="append", default=[], help="a verifier key you trust")
    parser.add_argument("--json", action="store_true", help="write JSON")
    given = parser.parse_args(arguments)
    try:
        found = verify_bundle(given.bundle, given.vkey)
    except BundleNotVerified as error:
        document = {"verified": False, "reason": str(error)}
        write(json.dumps(document) + "\n" if given.json else f"NOT VERIFIED  {error}\n")
        return 1
    if given.json:
        write(json.dumps(found, indent=2) + "\n")
        return 0
    for log in found["logs"]:
        key = "the key given" if log["vkey_given"] else f"the bundle's own key {log['vkey']}"
        write(
            f"verified  {log['origin']}: {log['entries']} entries, {log['opened']} opened,"
            f" of {log['size']}; signed with {key}\n"
        )
    for name in found["files_not_verified"]:
        write(f"not verified  {name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdout.write))
