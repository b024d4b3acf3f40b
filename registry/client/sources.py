"""Files of reports as people have them: newline-delimited JSON, or CSV with a mapping.

A mapping is TOML. `columns` says which member a column is, by a path such as
`amount.minor_units` or `identities.0.identifier`; `constants` gives members that
every report has; `split` names a separator for columns that hold a list.
An empty cell is a member left out, and an item of a list for which a row has no
cell of its own is left out whole.
"""

import csv
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from registry.kernel import strict_json

_INTEGERS = {"minor_units"}
_BOOLEANS = {"adult_attested"}
_TRUE = {"true", "yes", "1", "是"}
_FALSE = {"false", "no", "0", "否"}
_DEPTH_MAX = 4
_ITEMS_MAX = 32
# No registry takes a longer line.
LINE_BYTES_MAX = 64 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# int() takes more: "1_000", and digits of other scripts.
_INTEGER = re.compile(r"-?[0-9]{1,18}", re.ASCII)


class SourceUnreadable(ValueError):
    """The file, or its mapping, is not one that reports can be read from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a line, and the place of its document it stands at."""

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """One report of a file: where it begins, what of it could be read, and what could not."""

    number: int
    document: Mapping[str, Any] | None = field(repr=False)
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """What the columns of a CSV file mean. Paths are parts, numbers among them."""

    columns: Mapping[str, tuple[str, ...]]
    constants: Mapping[tuple[str, ...], Any]
    split: Mapping[str, str]


def read_mapping(path: Path) -> Mapped:
    """The mapping in a TOML file.

    Raises: SourceUnreadable, OSError.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SourceUnreadable(f"{path} is not TOML: {error}") from error
    unknown = document.keys() - {"columns", "constants", "split"}
    if unknown or not isinstance(document.get("columns"), dict):
        raise SourceUnreadable(f"{path} holds columns, constants and split, and columns it must")
    columns = document["columns"]
    split, constants = document.get("split", {}), document.get("constants", {})
    if not isinstance(split, dict) or not isinstance(constants, dict):
        raise SourceUnreadable(f"{path}: constants and split are tables")
    if not all(isinstance(each, str) for each in (*columns.values(), *split.values())):
        raise SourceUnreadable(f"{path}: columns and split map names to texts")
    if not all(split.values()):
        raise SourceUnreadable(f"{path}: an empty text separates nothing")
    doubled = _doubled(list(columns.values()))
    if doubled:
        # One of the columns would be lost without a word.
        raise SourceUnreadable(f"{path}: members of several columns: {', '.join(doubled)}")
    return Mapped(
        columns={name: _path(target) for name, target in columns.items()},
        constants={_path(name): value for name, value in constants.items()},
        split=split,
    )


def read_lines(path: Path, mapping: Mapped | None) -> Iterator[SourceLine]:
    """The reports of a file in their order, read as they are asked for.

    With a mapping it is CSV with a line of names, else newline-delimited JSON.
    Raises: SourceUnreadable, OSError.
    """
    return _read_json(path) if mapping is None else _read_csv(path, mapping)


def _read_json(path: Path) -> Iterator[SourceLine]:
    with path.open("rb") as file:
        for number, line in enumerate(_lines_of(file), 1):
            if len(line) > LINE_BYTES_MAX:
                yield _unreadable(number, f"The line is longer than {LINE_BYTES_MAX} bytes.")
            elif line.strip():
                yield _json_line(number, line)


def _lines_of(file: BinaryIO) -> Iterator[bytes]:
    """The lines without their ends; of one that is too long a byte more than it may have."""
    is_first = True
    while line := file.readline(LINE_BYTES_MAX + 2):
        if is_first:
            # Some editors begin a file with it.
            line, is_first = line.removeprefix(_BYTE_ORDER_MARK), False
        end = line
        while end and not end.endswith(b"\n"):
            end = file.readline(LINE_BYTES_MAX)
        yield line.removesuffix(b"\n").removesuffix(b"\r")


def _json_line(number: int, line: bytes) -> SourceLine:
    try:
        document = strict_json.parse(line)
    except strict_json.MalformedJson as error:
        return _unreadable(number, error.detail)
    if not isinstance(document, dict):
        return _unreadable(number, "The line is no object.")
    return SourceLine(number=number, document=document)


def _unreadable(number: int, detail: str) -> SourceLine:
    return SourceLine(number=number, document=None, faults=(Fault(pointer="", detail=detail),))


def _read_csv(path: Path, mapping: Mapped) -> Iterator[SourceLine]:
    # A byte order mark is what spreadsheets begin with. What is no UTF-8 spoils its line only.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            names = next(reader, [])
            odd = sorted(mapping.columns.keys() - set(names)) + _doubled(names)
            if odd:
                told = ", ".join(map(ascii, odd))
                raise SourceUnreadable(f"{path}: columns that are missing or doubled: {told}")
            begins = reader.line_num + 1
            for cells in reader:
                if cells:
                    yield _row(begins, names, cells, mapping)
                begins = reader.line_num + 1
        except csv.Error as error:
            raise SourceUnreadable(f"{path}, line {reader.line_num}: {error}") from error


def _row(number: int, names: Sequence[str], cells: Sequence[str], mapping: Mapped) -> SourceLine:
    if not all(map(_is_text, cells)):
        return _unreadable(number, "The line is not valid UTF-8.")
    if len(cells) != len(names):
        return _unreadable(number, f"{len(cells)} cells for {len(names)} columns.")
    given: dict[tuple[str, ...], Any] = {}
    faults = []
    for name, cell in zip(names, cells, strict=True):
        target, text = mapping.columns.get(name), cell.strip()
        if target is None or not text:
            continue
        try:
            given[target] = _value(target, text, mapping.split.get(name))
        except ValueError as error:
            faults.append(Fault(pointer="/" + "/".join(target), detail=f"{name}: {error}"))
    return SourceLine(number=number, document=_document(given, mapping), faults=tuple(faults))


def _is_text(cell: str) -> bool:
    """Whether all of its bytes were read: those that could not be have become surrogates."""
    return cell.isascii() or not any("\ud800" <= each <= "\udfff" for each in cell)


def _doubled(names: Sequence[str]) -> list[str]:
    """The names that are there more than once."""
    return sorted(name for name, count in Counter(names).items() if count > 1)


def _value(target: tuple[str, ...], text: str, separator: str | None) -> Any:
    if separator is not None:
        return [part.strip() for part in text.split(separator) if part.strip()]
    if target[-1] in _INTEGERS:
        if not _INTEGER.fullmatch(text):
            raise ValueError("not a whole number")
        return int(text)
    if target[-1] in _BOOLEANS:
        word = text.casefold()
        if word not in _TRUE | _FALSE:
            raise ValueError(f"not one of {', '.join(sorted(_TRUE | _FALSE))}")
        return word in _TRUE
    return text


def _document(given: Mapping[tuple[str, ...], Any], mapping: Mapped) -> dict[str, Any]:
    """The document of a row: its cells, and the constants of what it has."""
    mapped_items = {_item_of(target) for target in mapping.columns.values()}
    own_items = {_item_of(target) for target in given}
    document: dict[str, Any] = {}
    for target, value in {**mapping.constants, **given}.items():
        item = _item_of(target)
        if item is None or item in own_items or item not in mapped_items:
            _put(document, target, value)
    return {name: _listed(value) for name, value in document.items()}


def _item_of(target: tuple[str, ...]) -> tuple[str, ...] | None:
    """The item of a list that a path leads into, if it does."""
    for position, part in enumerate(target):
        if part.isdecimal():
            return target[: position + 1]
    return None


def _put(document: dict[str, Any], target: tuple[str, ...], value: Any) -> None:
    holder = document
    for part in target[:-1]:
        inner = holder.setdefault(part, {})
        if not isinstance(inner, dict):
            raise SourceUnreadable(f"{'.'.join(target)} leads through a value")
        holder = inner
    holder[target[-1]] = value


def _listed(value: Any) -> Any:
    """Members named by numbers as a list, in the order of the numbers."""
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(each) for name, each in value.items()}
    if inner and all(name.isdecimal() for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner


def _path(text: str) -> tuple[str, ...]:
    parts = tuple(text.split("."))
    if len(parts) > _DEPTH_MAX or not all(parts):
        raise SourceUnreadable(f"{text!r} is not the path of a member")
    if any(part.isdecimal() and int(part) >= _ITEMS_MAX for part in parts):
        raise SourceUnreadable(f"{text!r} is beyond {_ITEMS_MAX} items")
    return parts
