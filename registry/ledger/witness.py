"""Witnesses other logs: cosigns a checkpoint that continues the one cosigned last.

What a witness has once cosigned it never contradicts; a log that shows two
people two histories finds no witness for one of them. It remembers that twice:
in the database, and in a mark of its own outside it, so that a database restored
from a backup does not make it cosign backwards.
Source: C2SP tlog-witness, tlog-cosignature.

    old <size>
    <base64 of a consistency hash>      none to 63 lines
    <blank line>
    the signed checkpoint
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from registry.crypto import checkpoint, note
from registry.crypto.checkpoint import Checkpoint
from registry.crypto.cosignature import WitnessKey, cosign
from registry.crypto.merkle import PROOF_HASHES_MAX, verify_consistency
from registry.crypto.signature import PrivateKey
from registry.database.engine import ANSWER_SECONDS_MAX, Database
from registry.kernel.problems import Kind, Problem, Text
from registry.ledger import witness_store
from registry.ledger.high_water import HighWaterMarks, Mark, MarkMoved
from registry.ledger.witness_store import Cosigned

LOGS_FILE_NAME = "witnessed-logs.txt"
_OLD = "old "


class CheckpointMalformed(Problem):
    """The body is not an old size, a proof and a signed checkpoint that go together."""

    kind = Kind.MALFORMED
    title = Text(en="The checkpoint cannot be read", zh="无法读取 checkpoint")
    advice = Text(
        en="Send the body that c2sp.org/tlog-witness describes; its old size is at most the new.",
        zh="请按 c2sp.org/tlog-witness 的格式发送正文；旧规模不得大于新规模。",
    )


class LogNotWitnessed(Problem):
    """This node does not witness the log of that origin."""

    kind = Kind.NOT_FOUND
    title = Text(en="This log is not witnessed here", zh="本节点未见证该日志")
    advice = Text(
        en="The operator of this registry adds the log's verifier key to witnessed-logs.txt.",
        zh="请本登记系统的运营者把该日志的验证密钥加入 witnessed-logs.txt。",
    )


class LogDidNotSign(Problem):
    """No known key of the log signed the checkpoint."""

    kind = Kind.FORBIDDEN
    title = Text(en="The log did not sign this checkpoint", zh="该 checkpoint 未经日志签名")
    advice = Text(
        en="Sign it with the key whose verifier key the witness was given.",
        zh="请使用已提供给见证方的验证密钥所对应的私钥签名。",
    )


class WitnessedOtherwise(Problem):
    """The witness has cosigned another tree than the one that is continued.

    `size` is that of the tree it cosigned last.
    """

    kind = Kind.CONFLICT
    title = Text(en="Another checkpoint was cosigned last", zh="最近见证的是另一个 checkpoint")
    advice = Text(
        en="Prove consistency from the size in the answer.",
        zh="请以应答中的规模为起点提供一致性证明。",
    )

    def __init__(self, size: int) -> None:
        super().__init__(f"The checkpoint cosigned last has size {size}.")
        self.size = size


class HistoryNotContinued(Problem):
    """The proof does not show that the log continues what was cosigned."""

    kind = Kind.INVALID
    title = Text(en="The consistency proof does not verify", zh="一致性证明无效")
    advice = Text(
        en="Send the proof from the old size to the checkpoint's; none from size 0.",
        zh="请提供从旧规模到该 checkpoint 的一致性证明；旧规模为 0 时不得附带证明。",
    )


class WitnessedLogsInvalid(Problem):
    """The file of witnessed logs cannot be read."""

    kind = Kind.INVALID
    title = Text(en="The witnessed logs cannot be read", zh="无法读取被见证日志列表")
    advice = Text(
        en="One verifier key a line, name+hex id+base64; lines that begin with # are comments.",
        zh="每行一个验证密钥（name+hex id+base64）；以 # 开头的行是注释。",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a log sends: its new checkpoint, and that it continues the tree of `old_size`."""

    old_size: int
    proof: tuple[bytes, ...]
    signed: note.Note
    checkpoint: Checkpoint


class Witness:
    """Cosigns checkpoints of the logs whose keys it was given, under `name`.

    A key's name is the origin of its log; a log may have several keys.
    """

    def __init__(
        self,
        *,
        database: Database,
        marks: HighWaterMarks,
        name: str,
        key: PrivateKey,
        logs: Sequence[note.VerifierKey],
    ) -> None:
        self._database = database
        self._marks = marks
        self._key = key
        self.verifier = WitnessKey(name=name, public_key=key.public)
        self._logs: Mapping[str, list[note.VerifierKey]] = {
            log.name: [each for each in logs if each.name == log.name] for log in logs
        }

    def add_checkpoint(self, body: bytes, now: datetime) -> str:
        """The cosignature lines of the checkpoint in `body`, which is on disk as cosigned.

        Raises: CheckpointMalformed, LogNotWitnessed, LogDidNotSign,
        WitnessedOtherwise, HistoryNotContinued; DatabaseUnavailable.
        """
        submission = parse_submission(body)
        self._require_signed(submission)
        new = submission.checkpoint
        if submission.old_size > new.size:
            raise CheckpointMalformed("The old size is larger than the checkpoint's.")
        # Compared and moved under one lock: of two checkpoints at once, the smaller
        # never takes the place of the larger.
        mark = self._marks.read(mark_name(new.origin))
        with self._database.transaction(seconds_max=ANSWER_SECONDS_MAX) as transaction:
            cosigned = _later(witness_store.hold(transaction, new.origin), mark)
            _require_continued(submission, cosigned)
            witness_store.put(transaction, new.origin, Cosigned(size=new.size, root=new.root), now)
        self._advance(new, seen=mark, continued=cosigned)
        # Crash point: what was stored and not answered is cosigned when asked again;
        # the other way round a cosignature could be forgotten and contradicted.
        signature = cosign(
            submission.signed.text, self.verifier.name, self._key, int(now.timestamp())
        )
        return signature.line()

    def _advance(self, new: Checkpoint, *, seen: Mark | None, continued: Cosigned) -> None:
        """Moves the mark to what is about to be cosigned.

        Raises: WitnessedOtherwise: another checkpoint came between; nothing is
        cosigned that was not compared with it.
        """
        name, to = mark_name(new.origin), Mark(size=new.size, root=new.root)
        # Here from before the comparison, or moved since to the very tree that was
        # continued, by whoever stored that in the row.
        for origin in (seen, Mark(size=continued.size, root=continued.root)):
            try:
                self._marks.advance(name, seen=origin, to=to)
            except MarkMoved:
                continue
            return
        found = self._marks.read(name)
        if found != to:
            raise WitnessedOtherwise(0 if found is None else found.size)

    def _require_signed(self, submission: Submission) -> None:
        origin = submission.checkpoint.origin
        keys = self._logs.get(origin)
        if keys is None:
            raise LogNotWitnessed
        try:
            checkpoint.verify(submission.signed, origin=origin, log_keys=keys)
        except (checkpoint.NotThisLog, note.SignatureNotValid) as error:
            raise LogDidNotSign from error


def mark_name(origin: str) -> str:
    """Under what name the mark of a witnessed log is kept: an origin is no file name."""
    return hashlib.sha256(origin.encode()).hexdigest()


def parse_submission(body: bytes) -> Submission:
    """The parts of a body of add-checkpoint, nothing of it verified.

    Raises: CheckpointMalformed.
    """
    head, blank, signed_bytes = body.partition(b"\n\n")
    try:
        first, *hashes = head.decode("ascii").split("\n")
        if not blank or not first.startswith(_OLD) or len(hashes) > PROOF_HASHES_MAX:
            raise CheckpointMalformed
        signed = note.parse(signed_bytes)
        return Submission(
            old_size=checkpoint.parse_size(first.removeprefix(_OLD)),
            proof=tuple(map(checkpoint.parse_hash, hashes)),
            signed=signed,
            checkpoint=checkpoint.parse(signed.text),
        )
    except ValueError as error:
        raise CheckpointMalformed from error


def read_witnessed_logs(path: Path) -> list[note.VerifierKey]:
    """The keys of the logs to witness; none where there is no such file.

    Raises: WitnessedLogsInvalid.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise WitnessedLogsInvalid(f"{path} cannot be read.") from error
    keys = []
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line or line.startswith("#"):
            continue
        try:
            keys.append(note.VerifierKey.from_vkey(line))
        except note.MalformedVerifierKey as error:
            raise WitnessedLogsInvalid(f"{path}, line {number}: {error}.") from error
    if len({(each.name, each.key_id) for each in keys}) != len(set(keys)):
        raise WitnessedLogsInvalid(f"{path}: two different keys share name and id.")
    return list(dict.fromkeys(keys))


def _later(stored: Cosigned, mark: Mark | None) -> Cosigned:
    """What was cosigned last by the two memories; the mark is right where they differ.

    The row is ahead of the mark after a crash between the two, and behind it in a
    database that was restored.
    """
    if mark is None or stored.size > mark.size:
        return stored
    return Cosigned(size=mark.size, root=mark.root)


def _require_continued(submission: Submission, cosigned: Cosigned) -> None:
    new = submission.checkpoint
    if submission.old_size != cosigned.size:
        raise WitnessedOtherwise(cosigned.size)
    if not cosigned.size:
        # Every tree begins with the empty one: there is nothing to prove.
        if submission.proof:
            raise HistoryNotContinued
        return
    if new.size == cosigned.size and new.root != cosigned.root:
        # A fork, told as a conflict: the log signed two trees of one size.
        raise WitnessedOtherwise(cosigned.size)
    if not verify_consistency(
        old_size=cosigned.size,
        old_root=cosigned.root,
        new_size=new.size,
        new_root=new.root,
        proof=submission.proof,
    ):
        raise HistoryNotContinued
