"""Snapshots as the index lists them and as the incident log has them."""

from dataclasses import dataclass

from registry.client.addresses import path_part
from registry.client.problems import AnswerNotTrusted, AnswerNotUnderstood
from registry.client.reading import Reader
from registry.client.results import LogEntry
from registry.crypto import merkle, screening
from registry.kernel.ids import EntryId

INDEX_PATH = "/v1/screening"


class ScreeningNotTrusted(AnswerNotTrusted):
    """A bucket or its index is not what the registry must have signed: nothing was decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A snapshot as the index has it."""

    key_id: str
    epoch: str
    bits: int
    count: int
    sequence: int
    root: bytes
    entry: EntryId

    @property
    def place(self) -> str:
        """What the addresses of its buckets begin with."""
        return f"{INDEX_PATH}/{path_part(self.key_id)}/{self.epoch}/{self.bits}/"

    def address(self, bucket: int) -> str:
        """The address of a bucket."""
        return self.place + screening.bucket_name(bucket, self.bits)


def read_snapshots(document: Reader) -> dict[str, Listed]:
    """The newest snapshot of each key."""
    newest: dict[str, Listed] = {}
    for each in document.children("snapshots"):
        listed = Listed(
            key_id=each.text("key_id"),
            epoch=each.text("epoch"),
            bits=each.integer("bits"),
            count=each.integer("count"),
            sequence=each.integer("sequence"),
            root=each.data("snapshot_root", merkle.HASH_BYTES),
            entry=EntryId(each.text("entry")),
        )
        try:
            screening.epoch_begins_at(listed.epoch)
        except ValueError as error:
            raise AnswerNotUnderstood("the index names an epoch that is none") from error
        if not 0 <= listed.bits <= screening.BITS_MAX:
            raise AnswerNotUnderstood("the index names an impossible number of bits")
        known = newest.get(listed.key_id)
        if known is None or known.epoch < listed.epoch:
            newest[listed.key_id] = listed
    return newest


def require_root(entry: LogEntry, listed: Listed) -> None:
    """The entry says what the index says, opened to everyone."""
    if entry.opening is None:
        raise ScreeningNotTrusted("the entry of a snapshot does not open")
    subject = Reader(entry.opening.subject, "the snapshot's entry")
    logged = (
        subject.text("key_id"),
        subject.text("epoch"),
        subject.integer("bits"),
        subject.integer("count"),
        subject.integer("sequence"),
        subject.data("root", merkle.HASH_BYTES),
    )
    shown = (
        listed.key_id,
        listed.epoch,
        listed.bits,
        listed.count,
        listed.sequence,
        listed.root,
    )
    if logged != shown:
        raise ScreeningNotTrusted("the index shows another snapshot than the log has")
