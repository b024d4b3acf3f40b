"""The nouns of imports: many reports in one body, each line of which stands for itself."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from registry.kernel.ids import ImportId, MemberId
from registry.kernel.problems import FieldError, Kind, Problem, Text

IMPORT_BYTES_MAX = 64 * 1024 * 1024
# The longest report that can be filed is about half of it.
LINE_BYTES_MAX = 64 * 1024
# What one step of an import works on, and is done or undone with.
CHUNK_BYTES = 512 * 1024
CHUNK_LINES_MAX = 500
UNFINISHED_MAX = 16


class ImportState(StrEnum):
    """How far an import has come."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"


class ImportNotFound(Problem):
    """No import of this id was made by this member."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is no such import", zh="没有该批量导入")
    advice = Text(
        en="A furnisher sees its own imports, for 30 days after they ended.",
        zh="信息提供者仅可查看自己的导入，且导入结束后保留 30 天。",
    )


class ImportEmpty(Problem):
    """The body holds no line with a report."""

    kind = Kind.INVALID
    title = Text(en="The import is empty", zh="导入内容为空")
    advice = Text(en="Send one report a line, as JSON.", zh="请每行发送一份 JSON 格式的报送。")


class TooManyImports(Problem):
    """The member has as many unfinished imports as it may have."""

    kind = Kind.TOO_MANY
    title = Text(en="Too many imports are under way", zh="进行中的导入过多")
    advice = Text(
        en="Wait until one of them has finished; GET /v1/imports lists them.",
        zh="请等待其中一项完成；GET /v1/imports 可查看全部导入。",
    )


class LineTooLong(Problem):
    """A line of an import is longer than any report."""

    kind = Kind.INVALID
    title = Text(en="The line is too long", zh="该行过长")
    advice = Text(en="A line has at most 64 KiB.", zh="每行最大为 64 KiB。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One body of reports, and what has become of its lines so far.

    `reports` counts the lines that are not blank; `filed`, `repeated` (filed before,
    with the same body) and `refused` add up to `done`. `chunk_next` is the first
    chunk that is not worked off.
    """

    id: ImportId
    furnisher: MemberId
    state: ImportState
    bytes_total: int
    reports: int
    filed: int
    repeated: int
    refused: int
    chunk_next: int
    request_id: UUID
    signed_request: str = field(repr=False)
    request_digest: bytes
    accepted_at: datetime
    ended_at: datetime | None

    @property
    def done(self) -> int:
        """How many reports have been worked on."""
        return self.filed + self.repeated + self.refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Some whole lines of an import; `lines` holds blank ones too, so that numbers stay."""

    line_first: int
    lines: tuple[bytes, ...] = field(repr=False)

    @property
    def reports(self) -> int:
        """How many lines are not blank."""
        return sum(1 for line in self.lines if line.strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class LineProblem:
    """Why a line was refused; `slug` names the problem, as its page's address does."""

    line: int
    reference: str | None
    slug: str
    detail: str
    errors: tuple[FieldError, ...]


def chunks_of(pieces: Iterable[bytes]) -> Iterator[Chunk]:
    """The lines of a body that comes in pieces; never more than a chunk of it at once.

    A line too long is cut one byte beyond the limit, so that it is refused as such.
    """
    lines: list[bytes] = []
    size, line_first, pending = 0, 1, b""
    for piece in _with_end(pieces):
        *whole, pending = (pending + piece).split(b"\n")
        for line in whole:
            lines.append(line[: LINE_BYTES_MAX + 1])
            size += len(lines[-1])
            if size >= CHUNK_BYTES or len(lines) >= CHUNK_LINES_MAX:
                yield Chunk(line_first=line_first, lines=tuple(lines))
                line_first += len(lines)
                lines, size = [], 0
        pending = pending[: LINE_BYTES_MAX + 1]
    if lines:
        yield Chunk(line_first=line_first, lines=tuple(lines))


def _with_end(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces, and the newline that the last line may lack."""
    last = b"\n"
    for piece in pieces:
        last = piece[-1:]
        yield piece
    if last != b"\n":
        yield b"\n"
