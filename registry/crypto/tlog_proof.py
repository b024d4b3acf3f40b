"""Proofs one can keep: an entry is in a log, verified offline and without the log.

    c2sp.org/tlog-proof@v1
    extra base64                    only when there is extra data; nobody signed it
    index decimal
    hash, base64                    the inclusion proof, one hash a line
    <blank line>
    the signed checkpoint, verbatim

Source: C2SP tlog-proof.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from registry.crypto import checkpoint, note
from registry.crypto.checkpoint import VerifiedCheckpoint
from registry.crypto.cosignature import WitnessKey
from registry.crypto.merkle import PROOF_HASHES_MAX, SIZE_MAX, verify_inclusion

EXTENSION = ".tlog-proof"
# A checkpoint with all its signatures, 63 hashes, and 64 KiB of extra data in base64.
PROOF_BYTES_MAX = note.NOTE_BYTES_MAX + 128 * 1024

_HEADER = "c2sp.org/tlog-proof@v1"
_EXTRA = "extra "
_INDEX = "index "


class MalformedTlogProof(ValueError):
    """The bytes are not a proof in this format."""


class NotInLog(ValueError):
    """The proof does not show the entry in the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlogProof:
    """A proof as it is stored, nothing of it verified yet.

    `signed_checkpoint` is the note's very bytes; `extra` is empty when there is none.
    """

    index: int
    hashes: tuple[bytes, ...]
    signed_checkpoint: bytes
    extra: bytes = b""

    def to_bytes(self) -> bytes:
        """The bytes of a `.tlog-proof` file."""
        assert 0 <= self.index <= SIZE_MAX
        assert len(self.hashes) <= PROOF_HASHES_MAX
        lines = [_HEADER]
        if self.extra:
            lines.append(_EXTRA + note.encode_base64(self.extra))
        lines.append(f"{_INDEX}{self.index}")
        lines.extend(map(note.encode_base64, self.hashes))
        return "".join(f"{line}\n" for line in (*lines, "")).encode() + self.signed_checkpoint


def parse(data: bytes) -> TlogProof:
    """The proof whose `to_bytes` is `data`; it holds a checkpoint, which is not verified.

    Raises: MalformedTlogProof.
    """
    if len(data) > PROOF_BYTES_MAX:
        raise MalformedTlogProof(f"a proof longer than {PROOF_BYTES_MAX} bytes")
    head, blank, signed_checkpoint = data.partition(b"\n\n")
    if not blank:
        raise MalformedTlogProof("no blank line before the checkpoint")
    try:
        checkpoint.parse(note.parse(signed_checkpoint).text)
        return _proof(head.decode("ascii").split("\n"), signed_checkpoint)
    except MalformedTlogProof:
        raise
    except ValueError as error:
        raise MalformedTlogProof("a line or the checkpoint cannot be read") from error


def verify(
    proof: TlogProof,
    *,
    leaf: bytes,
    origin: str,
    log_keys: Sequence[note.VerifierKey],
    witnesses: Sequence[WitnessKey] = (),
    witnesses_min: int = 0,
) -> VerifiedCheckpoint:
    """The checkpoint of the log `origin` that has `leaf`, a hash of an entry, at `proof.index`.

    At least `witnesses_min` different keys of `witnesses` cosigned it. `extra` is
    not authenticated by anything.

    Raises: NotInLog.
    """
    try:
        signed = note.parse(proof.signed_checkpoint)
        verified = checkpoint.verify(signed, origin=origin, log_keys=log_keys, witnesses=witnesses)
    except (
        note.MalformedNote,
        note.SignatureNotValid,
        checkpoint.MalformedCheckpoint,
        checkpoint.NotThisLog,
    ) as error:
        raise NotInLog("the checkpoint is not one the log signed") from error
    if _cosigners(verified, witnesses) < witnesses_min:
        raise NotInLog(f"fewer than {witnesses_min} witnesses cosigned the checkpoint")
    if not verify_inclusion(
        index=proof.index,
        size=verified.checkpoint.size,
        leaf=leaf,
        proof=proof.hashes,
        root=verified.checkpoint.root,
    ):
        raise NotInLog("the hashes do not lead from the entry to the checkpoint")
    return verified


def _proof(lines: list[str], signed_checkpoint: bytes) -> TlogProof:
    extra = b""
    if len(lines) > 1 and lines[1].startswith(_EXTRA):
        extra = note.decode_base64(lines.pop(1).removeprefix(_EXTRA))
        if not extra:
            raise MalformedTlogProof("the line of extra data is left out when there is none")
    if len(lines) < 2 or lines[0] != _HEADER or not lines[1].startswith(_INDEX):
        raise MalformedTlogProof(f"not {_HEADER} and an index")
    if len(lines) > 2 + PROOF_HASHES_MAX:
        raise MalformedTlogProof(f"more than {PROOF_HASHES_MAX} hashes")
    return TlogProof(
        index=checkpoint.parse_size(lines[1].removeprefix(_INDEX)),
        hashes=tuple(map(checkpoint.parse_hash, lines[2:])),
        signed_checkpoint=signed_checkpoint,
        extra=extra,
    )


def _cosigners(verified: VerifiedCheckpoint, witnesses: Sequence[WitnessKey]) -> int:
    # By public key: the cosigned text does not say the witness's name, so one key
    # configured under two names would otherwise count as two witnesses.
    signers = {each.signer for each in verified.note.verified}
    keys = {key.public_key.raw for key in witnesses if (key.name, key.key_id) in signers}
    return len(keys)
