"""What supervisors may see: searches, opened entries, samples, cases."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from uuid import UUID

from registry.database.transaction import Transaction
from registry.http.caller import Call
from registry.identity.model import IdentityToken
from registry.identity.protection import Protector
from registry.kernel.canonical import JsonValue
from registry.kernel.ids import MemberId, Prefix, with_prefix
from registry.ledger.contents import Contents, Settled, SignedTree, seeds_of
from registry.ledger.model import RecordType, Shard, decode_entry
from registry.oversight import case_store, store
from registry.oversight.events import type_name
from registry.oversight.indexing import Indexer
from registry.oversight.model import (
    AccessQuery,
    Case,
    CaseNotFound,
    Coverage,
    Disposed,
    Disposition,
    IndexedEntry,
    NoSuchCheckpoint,
)
from registry.oversight.recording import Recorder, query_document, require_supervision
from registry.oversight.sampling import draw
from registry.oversight.walking import Walk, sizes_of

_SUBJECT_PAGE = 500
_SUBJECT_PAGES_MAX = 20
_DRAWS_AT_ONCE = 500
_DRAWS_MAX = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultPage:
    """A page of what was found, within a coverage. `next` None: there is no more in that.

    `seeds` are of whom the query named.
    """

    entries: tuple[IndexedEntry, ...]
    seeds: tuple[bytes, ...]
    coverage: tuple[Coverage, ...]
    covered_until: datetime
    next: Walk | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page, and the receipt of the search."""

    page: ResultPage
    receipt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An opened entry, with its proof once it is published."""

    settled: Settled
    tree: SignedTree | None

    @property
    def proof(self) -> tuple[bytes, ...] | None:
        """The inclusion proof; None until the entry is below the newest checkpoint."""
        position = self.settled.place.position
        if self.tree is None or position >= self.tree.tree.size:
            return None
        return self.tree.tree.inclusion_proof(position)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Entries drawn from the first `size` of a log; `draws` says how many indices it took.

    `facts` has every entry that is not erased.
    """

    shard: Shard
    origin: str
    size: int
    root: bytes
    label: str
    draws: int
    entries: tuple[Settled, ...]
    facts: dict[UUID, IndexedEntry]
    receipt: str


class Oversight:
    """The supervisor's side of the registry."""

    def __init__(
        self,
        *,
        contents: Contents,
        protector: Protector,
        indexer: Indexer,
        recorder: Recorder,
        authority: str,
    ) -> None:
        self._contents = contents
        self._protector = protector
        self._indexer = indexer
        self._recorder = recorder
        self._authority = authority

    def search(
        self,
        call: Call,
        query: AccessQuery,
        subject: IdentityToken | None,
        *,
        walk: Walk | None,
        entries_max: int,
    ) -> Found:
        """Entries that meet the query, oldest first; the search itself is an entry.

        `subject` keeps those that are about the person of this token.
        """
        require_supervision(call)
        page = self.find(call, query, subject, walk=walk, entries_max=entries_max)
        said: dict[str, JsonValue] = {
            "query": query_document(query),
            "by_subject": subject is not None,
            "results": len(page.entries),
        }
        receipt = self._recorder.record(call, "search", said, seeds=page.seeds)
        return Found(page=page, receipt=receipt)

    def find(
        self,
        call: Call,
        query: AccessQuery,
        subject: IdentityToken | None,
        *,
        walk: Walk | None,
        entries_max: int,
    ) -> ResultPage:
        """As `search`, for who records it another way."""
        transaction = call.transaction
        if walk is None:
            self._indexer.step(transaction)
            coverage = tuple(self._indexer.coverage(transaction))
            until = self._indexer.covered_until(transaction, call.now, query.record_types)
            after = None
        else:
            coverage, until, after = walk.coverage, walk.covered_until, walk.after
        bounded = replace(query, sizes=sizes_of(coverage))
        seeds: tuple[bytes, ...] = ()
        if subject is None:
            found = store.search(transaction, bounded, after=after, entries_max=entries_max + 1)
            shown = found[:entries_max]
            next_after = shown[-1].uuid if len(found) > entries_max else None
        else:
            seeds = (self._protector.seed_of(subject.token),)
            key = self._protector.lookup_key(seeds[0])
            shown, next_after = self._about(transaction, bounded, key, after, entries_max)
        return ResultPage(
            entries=tuple(shown),
            seeds=seeds,
            coverage=coverage,
            covered_until=until,
            next=None
            if next_after is None
            else Walk(after=next_after, coverage=coverage, covered_until=until),
        )

    def show(
        self, call: Call, entries: Collection[UUID]
    ) -> tuple[list[Shown], dict[UUID, str], str]:
        """These entries opened, with proofs; why others are not shown; the view's receipt."""
        require_supervision(call)
        # Read before the logs: what gets its place in between is shown.
        waiting = self._contents.waiting_of(call.transaction, entries)
        known = self._contents.of(call.transaction, entries)
        missing = {
            each: "waiting" if each in waiting else "unknown"
            for each in entries
            if each not in known
        }
        trees = {
            shard: self._contents.signed_tree(call.transaction, shard)
            for shard in {each.place.shard for each in known.values()}
        }
        for shard, tree in trees.items():
            if tree is not None:
                places = (each.place for each in known.values() if each.place.shard == shard)
                tree.read_ahead(each.position for each in places)
        shown = [
            Shown(settled=known[uuid], tree=trees[known[uuid].place.shard])
            for uuid in entries
            if uuid in known
        ]
        seeds = [seed for each in known.values() if each.opening for seed in seeds_of(each.opening)]
        receipt = self._recorder.record(
            call, "view", {"results": len(shown)}, seeds=seeds, subject=_touched(list(known))
        )
        return shown, missing, receipt

    def sample(
        self,
        call: Call,
        shard: Shard,
        *,
        size: int | None,
        label: str,
        count: int,
        record_types: Collection[RecordType],
    ) -> Sample:
        """`count` entries drawn from the first `size` of a log, of these record types.

        Raises: NoSuchCheckpoint.
        """
        require_supervision(call)
        signed = self._contents.signed_tree(call.transaction, shard)
        if signed is None or (size is not None and not 0 < size <= signed.tree.size):
            raise NoSuchCheckpoint
        size = size or signed.tree.size
        root = signed.tree.old_root(size)
        origin = f"{self._authority}/log/{shard.name}"
        drawn, draws = self._draw(
            call.transaction,
            shard,
            draw(origin=origin, size=size, root=root, label=label),
            count=count,
            record_types=record_types,
        )
        said: dict[str, JsonValue] = {
            "log": shard.name,
            "size": size,
            "label": label,
            "results": len(drawn),
            "types": sorted(type_name(each) for each in record_types),
        }
        uuids = [each.uuid for each in drawn]
        # Read off the entries: a sample does not depend on how far the index has got.
        facts = [self._indexer.facts(each) for each in drawn]
        return Sample(
            shard=shard,
            origin=origin,
            size=size,
            root=root,
            label=label,
            draws=draws,
            entries=tuple(drawn),
            facts={each.uuid: each for each in facts if each is not None},
            receipt=self._recorder.record(call, "sample", said, subject=_touched(uuids)),
        )

    def cases(
        self,
        call: Call,
        *,
        disposition: Disposition | None,
        member: MemberId | None,
        after: UUID | None,
        cases_max: int,
    ) -> tuple[list[Case], UUID | None, str]:
        """Cases in the order they were opened, where to go on, and the receipt of the view."""
        require_supervision(call)
        found = case_store.page(
            call.transaction,
            disposition=disposition,
            member=member,
            after=after,
            cases_max=cases_max + 1,
        )
        shown = found[:cases_max]
        next_after = shown[-1].id if len(found) > cases_max else None
        return shown, next_after, self._recorder.record(call, "cases", {"results": len(shown)})

    def dispose(
        self, call: Call, case_id: UUID, disposition: Disposition, why: str
    ) -> tuple[Case, str]:
        """Says what became of a case, for good: what was said before stays too.

        Raises: CaseNotFound.
        """
        require_supervision(call)
        case = case_store.find_and_lock(call.transaction, case_id)
        if case is None:
            raise CaseNotFound
        disposed = Disposed(
            disposition=disposition, member=call.caller.member, at=call.now, why=why
        )
        case_store.dispose(call.transaction, case, disposed)
        said: dict[str, JsonValue] = {
            "case": with_prefix(Prefix.CASE, case_id),
            "disposition": disposition.value,
            "why": why,
        }
        changed = replace(case, disposition=disposition, history=(*case.history, disposed))
        return changed, self._recorder.record(call, "disposition", said)

    def _about(
        self,
        transaction: Transaction,
        query: AccessQuery,
        lookup_key: bytes,
        after: UUID | None,
        entries_max: int,
    ) -> tuple[list[IndexedEntry], UUID | None]:
        found: list[IndexedEntry] = []
        for _ in range(_SUBJECT_PAGES_MAX):
            uuids = self._contents.about(
                transaction, lookup_key, after=after, entries_max=_SUBJECT_PAGE
            )
            found += store.among(transaction, query, uuids)
            if len(found) > entries_max:
                return found[:entries_max], found[entries_max - 1].uuid
            if len(uuids) < _SUBJECT_PAGE:
                return found, None
            after = uuids[-1]
        return found, after

    def _draw(
        self,
        transaction: Transaction,
        shard: Shard,
        indices: Iterator[int],
        *,
        count: int,
        record_types: Collection[RecordType],
    ) -> tuple[list[Settled], int]:
        """The first `count` drawn entries of these types, and how many indices were drawn."""
        chosen: list[Settled] = []
        draws = 0
        while draws < _DRAWS_MAX:
            batch = list(islice(indices, _DRAWS_AT_ONCE))
            found = {
                each.place.position: each for each in self._contents.at(transaction, shard, batch)
            }
            for index in batch:
                draws += 1
                if decode_entry(found[index].place.entry).record_type in record_types:
                    chosen.append(found[index])
                if len(chosen) == count:
                    return chosen, draws
            if len(batch) < _DRAWS_AT_ONCE:
                break
        return chosen, draws


def _touched(entries: Sequence[UUID]) -> dict[str, JsonValue]:
    return {"entries": [with_prefix(Prefix.ENTRY, each) for each in entries]}
