"""What is read of files of reports, and what is told of those that cannot be read."""

from pathlib import Path

import pytest

from registry.client.sources import SourceUnreadable, read_lines, read_mapping

MAPPING = """
[columns]
case = "reference"
phone = "identities.0.identifier"
"""


def mapping_file(tmp_path: Path, text: str) -> Path:
    """A mapping, as a file."""
    path = tmp_path / "columns.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("constants = 1\n[columns]\ncase = 'reference'", "are tables"),
        ("split = 3\n[columns]\ncase = 'reference'", "are tables"),
        ("[columns]\ncase = 'reference'\n[split]\ncase = ''", "separates nothing"),
        ("[columns]\ncase = 'order'\nnumber = 'order'", "several columns: order"),
    ],
)
def test_a_mapping_that_means_nothing_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """With a sentence, before a line is read; no column is lost to another."""
    with pytest.raises(SourceUnreadable, match=told):
        read_mapping(mapping_file(tmp_path, text))


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (b"case,phone,case", "'case'"),
        (b"case,phone,,", "''"),
        (b"case,note,note", "'phone', 'note'"),
        (b"\x1f\x8b\x08\xff", "'case', 'phone'"),
    ],
)
def test_columns_that_are_missing_or_doubled_are_named(
    tmp_path: Path, names: bytes, told: str
) -> None:
    """Whether the mapping reads them or not: which is meant is not guessed."""
    file = tmp_path / "history.csv"
    file.write_bytes(names + b"\n1,2,3,4\n")
    mapping = read_mapping(mapping_file(tmp_path, MAPPING))
    with pytest.raises(SourceUnreadable, match=f"missing or doubled: {told}$"):
        list(read_lines(file, mapping))


def test_a_row_in_another_encoding_spoils_no_other(tmp_path: Path) -> None:
    """It is told with its own number, as a line of JSON would be."""
    file = tmp_path / "history.csv"
    rows = ["C-1,138", "C-2,\u738b", "C-3,139"]
    encoded = [rows[0].encode(), rows[1].encode("gb18030"), rows[2].encode()]
    file.write_bytes(b"\n".join([b"case,phone", *encoded, b""]))
    lines = list(read_lines(file, read_mapping(mapping_file(tmp_path, MAPPING))))
    assert [2, 3, 4] == [each.number for each in lines]
    assert [None] == [each.document for each in lines if each.faults]
    (fault,) = lines[1].faults
    assert "The line is not valid UTF-8." == fault.detail
