"""The bytes of an export: JSON lines, a table, or columns.

Spreadsheets run what looks like a formula: text from members that begins like one
is written with an apostrophe before it in CSV.
"""

import csv
import io
import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from importlib import import_module
from typing import Any

from registry.kernel.canonical import JsonValue
from registry.oversight.events import COLUMNS
from registry.oversight.model import FormatNotInstalled

_FORMULA = frozenset("=+-@")


class ExportFormat(StrEnum):
    """What an export is written as."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    BUNDLE = "bundle"


MEDIA_TYPES: Mapping[ExportFormat, str] = {
    ExportFormat.JSONL: "application/x-ndjson",
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.PARQUET: "application/vnd.apache.parquet",
    ExportFormat.BUNDLE: "application/zip",
}
Rows = Sequence[Mapping[str, JsonValue]]


def write_jsonl(events: Rows) -> bytes:
    """One event a line."""
    lines = [json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in events]
    return "".join(f"{line}\n" for line in lines).encode()


def write_csv(facts: Rows) -> bytes:
    """A header and one entry a line (RFC 4180)."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for each in facts:
        writer.writerow([_cell(each[name]) for name in COLUMNS])
    return text.getvalue().encode()


def write_parquet(facts: Rows) -> bytes:
    """The same columns; `index` is an integer, everything else text.

    Raises: FormatNotInstalled.
    """
    pyarrow = _pyarrow()
    schema = pyarrow.schema(
        [(name, pyarrow.int64() if name == "index" else pyarrow.string()) for name in COLUMNS]
    )
    columns = [pyarrow.array([each[field.name] for each in facts], field.type) for field in schema]
    table = pyarrow.Table.from_arrays(columns, schema=schema)
    buffer = io.BytesIO()
    import_module("pyarrow.parquet").write_table(table, buffer)
    return buffer.getvalue()


def _pyarrow() -> Any:
    """Loaded when it is asked for: 30 MB that a worker can do without."""
    try:
        return import_module("pyarrow")
    except ImportError:
        # The extra `parquet` is not installed.
        raise FormatNotInstalled from None


TABULAR: Mapping[ExportFormat, Callable[[Rows], bytes]] = {
    ExportFormat.CSV: write_csv,
    ExportFormat.PARQUET: write_parquet,
}


def _cell(value: JsonValue) -> JsonValue:
    if isinstance(value, str) and _is_like_a_formula(value):
        return f"'{value}"
    return value


def _is_like_a_formula(text: str) -> bool:
    # Where Chinese or Japanese is written, a full-width sign begins one too.
    return unicodedata.normalize("NFKC", text.lstrip())[:1] in _FORMULA
