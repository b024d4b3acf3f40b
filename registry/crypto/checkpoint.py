"""Checkpoints: what a log's tree was at one size, as the text of a signed note.

    origin
    size, decimal
    root, base64
    extension lines, none of them empty (we read them; we write none)

Source: C2SP tlog-checkpoint.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from registry.crypto import note
from registry.crypto.merkle import EMPTY_ROOT, HASH_BYTES, SIZE_MAX

# What a cosignature of the newer kind has room for.
ORIGIN_BYTES_MAX = 255

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


class MalformedCheckpoint(ValueError):
    """The text is not a checkpoint."""


class NotThisLog(ValueError):
    """The checkpoint is another log's, or the log did not sign it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The tree of the log `origin` when it had `size` leaves."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def to_text(self) -> str:
        """The text a log signs."""
        lines = (self.origin, str(self.size), note.encode_base64(self.root), *self.extensions)
        text = "".join(f"{line}\n" for line in lines)
        assert parse(text) == self, "what is signed can be read"
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedCheckpoint:
    """A checkpoint its log signed, and the note it came in.

    `note.verified` also holds the cosignatures of those witnesses one asked for.
    """

    checkpoint: Checkpoint
    note: note.VerifiedNote


def parse(text: str) -> Checkpoint:
    """The checkpoint whose `to_text` is `text`.

    Raises: MalformedCheckpoint.
    """
    *lines, rest = text.split("\n")
    if rest or len(lines) < 3 or not all(lines):
        raise MalformedCheckpoint("a checkpoint has three lines or more, all ended, none empty")
    origin, size_text, root_text, *extensions = lines
    if len(origin.encode()) > ORIGIN_BYTES_MAX:
        raise MalformedCheckpoint(f"an origin longer than {ORIGIN_BYTES_MAX} bytes")
    try:
        size, root = parse_size(size_text), parse_hash(root_text)
    except ValueError as error:
        raise MalformedCheckpoint("the size or the root is not spelled as it must be") from error
    if not size and root != EMPTY_ROOT:
        raise MalformedCheckpoint("an empty tree has the one root")
    return Checkpoint(origin=origin, size=size, root=root, extensions=tuple(extensions))


def verify(
    signed: note.Note,
    *,
    origin: str,
    log_keys: Sequence[note.VerifierKey],
    witnesses: Sequence[note.Verifier] = (),
) -> VerifiedCheckpoint:
    """The checkpoint of the log `origin` in a note which one of `log_keys` signed.

    How many witnesses are enough is for the caller: see `note.verified`.

    Raises: NotThisLog, MalformedCheckpoint, SignatureNotValid of a log key or witness.
    """
    try:
        verified = note.verify(signed, [*log_keys, *witnesses])
    except note.NoteNotSigned as error:
        raise NotThisLog("no key of the log signed the checkpoint") from error
    signers = {(key.name, key.key_id) for key in log_keys}
    if not any(each.signer in signers for each in verified.verified):
        raise NotThisLog("witnesses signed the checkpoint, but no key of the log")
    checkpoint = parse(verified.text)
    if checkpoint.origin != origin:
        raise NotThisLog("the checkpoint is another log's")
    return VerifiedCheckpoint(checkpoint=checkpoint, note=verified)


def parse_size(text: str) -> int:
    """A size or an index in decimal, without sign, space or leading zero.

    Raises: ValueError.
    """
    if not _DECIMAL.fullmatch(text) or (size := int(text)) > SIZE_MAX:
        raise ValueError("not a size in decimal")
    return size


def parse_hash(text: str) -> bytes:
    """The 32 bytes of a hash in base64.

    Raises: ValueError.
    """
    data = note.decode_base64(text)
    if len(data) != HASH_BYTES:
        raise ValueError(f"not {HASH_BYTES} bytes")
    return data
