"""Takes entries out of the registry for those who keep them elsewhere, on the record.

The entry of an export commits to the SHA-256 of the very bytes that were handed out.
"""

import hashlib
import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from registry.http.caller import Call
from registry.identity.model import IdentityToken
from registry.kernel.canonical import JsonValue
from registry.kernel.ids import Prefix, with_prefix
from registry.ledger.bundling import BundleMaker
from registry.ledger.contents import Contents, Settled, seeds_of
from registry.ledger.exporting import SubFolder, ZipFolder
from registry.ledger.model import RecordType, Shard
from registry.oversight.events import cloud_event, facts_of
from registry.oversight.formats import MEDIA_TYPES, TABULAR, ExportFormat, write_jsonl
from registry.oversight.model import AccessQuery, IndexedEntry
from registry.oversight.recording import Recorder, query_document, require_supervision
from registry.oversight.service import Oversight, ResultPage
from registry.oversight.walking import Walk

# A bundle opens whom each entry is about, so it holds fewer.
BUNDLE_ENTRIES_MAX = 1000
_READ_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A file of a page, and the receipt of its entry."""

    data: bytes
    media_type: str
    page: ResultPage
    receipt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exports:
    """Writes what a search finds as a file; `vkey_of` gives a shard's verifier key."""

    oversight: Oversight
    contents: Contents
    recorder: Recorder
    bundles: BundleMaker
    origin: str
    vkey_of: Callable[[Shard], str]

    def export(
        self,
        call: Call,
        query: AccessQuery,
        subject: IdentityToken | None,
        file_format: ExportFormat,
        *,
        walk: Walk | None,
        entries_max: int,
    ) -> Exported:
        """The file; its entry is written in the same transaction.

        Raises: FormatNotInstalled.
        """
        require_supervision(call)
        if file_format is ExportFormat.BUNDLE:
            entries_max = min(entries_max, BUNDLE_ENTRIES_MAX)
        page = self.oversight.find(call, query, subject, walk=walk, entries_max=entries_max)
        found, seeds = page.entries, list(page.seeds)
        settled = self._settled(call, found)
        if file_format is ExportFormat.BUNDLE:
            data = self._bundle(call, settled)
            # Whoever can be recognised in it finds that in their own history.
            opened = [each.opening for each in settled if each.opening is not None]
            seeds += [seed for opening in opened for seed in seeds_of(opening)]
        else:
            data = self._table(found, settled, file_format)
        ids = ",".join(with_prefix(Prefix.ENTRY, each.uuid) for each in found)
        said: dict[str, JsonValue] = {
            "query": query_document(query),
            "by_subject": subject is not None,
            "format": file_format.value,
            "results": len(found),
            "digest": f"sha256:{hashlib.sha256(data).hexdigest()}",
        }
        receipt = self.recorder.record(
            call,
            "export",
            said,
            seeds=seeds,
            subject={"entries_sha256": hashlib.sha256(ids.encode()).hexdigest()},
            record_type=RecordType.EXPORT,
        )
        return Exported(
            data=data,
            media_type=MEDIA_TYPES[file_format],
            page=page,
            receipt=receipt,
        )

    def _settled(self, call: Call, found: Sequence[IndexedEntry]) -> list[Settled]:
        settled: list[Settled] = []
        for first in range(0, len(found), _READ_AT_ONCE):
            uuids = [each.uuid for each in found[first : first + _READ_AT_ONCE]]
            known = self.contents.of(call.transaction, uuids)
            settled += [known[uuid] for uuid in uuids]
        return settled

    def _table(
        self,
        found: Sequence[IndexedEntry],
        settled: Sequence[Settled],
        file_format: ExportFormat,
    ) -> bytes:
        pairs = list(zip(found, settled, strict=True))
        if file_format is ExportFormat.JSONL:
            return write_jsonl(
                [cloud_event(entry, each, origin=self.origin) for entry, each in pairs]
            )
        return TABULAR[file_format]([facts_of(entry, each) for entry, each in pairs])

    def _bundle(self, call: Call, settled: Sequence[Settled]) -> bytes:
        by_shard: dict[Shard, list[UUID]] = {}
        for each in settled:
            tree = self.contents.signed_tree(call.transaction, each.place.shard)
            # What is not signed yet cannot be proven; a later export holds it.
            if tree is not None and each.place.position < tree.tree.size:
                by_shard.setdefault(each.place.shard, []).append(each.uuid)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            folder = ZipFolder(archive)
            for shard, uuids in by_shard.items():
                inside = SubFolder(folder, shard.name.replace("/", "-"))
                self.bundles.some(
                    call.transaction, shard, inside, vkey=self.vkey_of(shard), entries=uuids
                )
        return buffer.getvalue()
