"""The documents name only what exists, and leave out nothing they promise to list."""

import configparser
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
import pytest
import yaml

from registry.cli import main
from registry.kernel.problems import Kind
from registry.rulebook.editions import load_editions
from registry.rulebook.model import Code
from registry.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_FENCE = re.compile(r"```.*?```", re.DOTALL)
_PATH = re.compile(
    r"(?:registry|tests|migrations|docs|api_spec|bench|\.ci)/[A-Za-z0-9_./-]*"
    r"|(?:wsgi\.py|setup\.cfg|pyproject\.toml|Makefile|alembic\.ini|constraints\.txt|"
    r"[A-Z]+\.md)"
)
_VARIABLE = re.compile(rf"\b{PREFIX}([A-Z_]+)\b")
# At the beginning of a code span, or of a line that is a command.
_COMMAND = re.compile(r"(?:`|^[ $]*|bin/)registry ([a-z]+(?: [a-z]+)?)(?=[`\s\[])", re.MULTILINE)
_COMMAND_LINE = re.compile(r"(?:`|^[ $]*|bin/)registry ([^`\n]+)", re.MULTILINE)
_OPTION = re.compile(r"(?<=\s)--[a-z-]+")
_MAKE = re.compile(r"(?:`|^)make ([a-z]+)", re.MULTILINE)
# File names of a room, tools, and what SQLite calls its things.
_OUTSIDE = {"py", "setup", "cfg", "lint", "imports", "registry", "make", "BEGIN", "IMMEDIATE"}
# Made when the program runs; not in the repository.
_MADE = ("var/", "bench/results")


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _code(document: Path) -> list[str]:
    """The code spans of a document, and its fenced blocks."""
    text = _read(document)
    return [f"`{span}`" for span in _CODE.findall(_FENCE.sub("", text))] + _FENCE.findall(text)


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("document", DOCUMENTS, ids=_id)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    """A link names a file that is there, and in it a heading that is there."""
    dead = []
    for link in _LINK.findall(_FENCE.sub("", _read(document))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        if not target.exists() or (anchor and anchor not in _anchors(_read(target))):
            dead.append(link)
    assert [] == dead


@pytest.mark.parametrize("document", DOCUMENTS, ids=_id)
def test_every_path_that_is_named_exists(document: Path) -> None:
    """A path of the repository in code font is a file or a directory of it."""
    named = set(_CODE.findall(_FENCE.sub("", _read(document))))
    missing = [
        word
        for word in sorted(named)
        if _PATH.fullmatch(word)
        and not word.startswith(_MADE)
        and not (ROOT / word.rstrip("/")).exists()
    ]
    assert [] == missing


def test_every_name_in_the_architecture_is_in_the_code() -> None:
    """A function, class or table that a walk names is one of the program."""
    sources = sorted((ROOT / "registry").rglob("*.py"))
    known = set(re.findall(r"\w+", "".join(map(_read, sources))))
    page = _FENCE.sub("", _read(ROOT / "ARCHITECTURE.md"))
    named = [each for each in _CODE.findall(page) if re.fullmatch(r"@?[A-Za-z_.]+", each)]
    words = {word for each in named if "/" not in each for word in re.findall(r"\w+", each)}
    assert set() == words - known - _OUTSIDE


@pytest.mark.parametrize("document", DOCUMENTS, ids=_id)
def test_every_command_that_is_named_exists(document: Path) -> None:
    """`registry …` in a document is a command of the program."""
    named = [name for each in _code(document) for name in _COMMAND.findall(each)]
    unknown = [name for name in named if not _is_command(name)]
    assert [] == unknown


@pytest.mark.parametrize("document", DOCUMENTS, ids=_id)
def test_every_option_that_is_shown_exists(document: Path) -> None:
    """A command line in a fenced block, or a code span, has options its command knows."""
    unknown = []
    for each in _code(document):
        for line in _COMMAND_LINE.findall(each.replace("\\\n", " ")):
            command = _command(re.match(r"[a-z ]*[a-z](?=\s|$)", line)[0])  # type: ignore[index]
            known = {name for option in command.params for name in option.opts}
            unknown += [f"{line}: {name}" for name in _OPTION.findall(line) if name not in known]
    assert [] == unknown


def _is_command(words: str) -> bool:
    try:
        _command(words)
    except LookupError:
        return False
    return True


def _command(words: str) -> click.Command:
    """The command that a line beginning with these words calls.

    Raises: LookupError.
    """
    command: click.Command = main
    context = click.Context(main)
    for word in words.split():
        if not isinstance(command, click.Group):
            # An argument of the command before it.
            return command
        found = command.get_command(context, word)
        if found is None:
            raise LookupError(word)
        command = found
    return command


@pytest.mark.parametrize("document", DOCUMENTS, ids=_id)
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    """`make …` in a document is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", _read(ROOT / "Makefile"), re.MULTILINE))
    named = {name for each in _code(document) for name in _MAKE.findall(each)}
    assert set() == named - targets


def test_every_setting_is_documented() -> None:
    """docs/operating.md has a row for each setting, and for nothing else."""
    documented = set(_VARIABLE.findall(_read(ROOT / "docs" / "operating.md")))
    known = {field.name.upper() for field in fields(Settings)}
    assert known == documented


def test_every_dependency_has_its_reason() -> None:
    """The page of dependencies lists those of setup.cfg, and no other."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = setup["options"]["install_requires"].splitlines()
    for extra in setup["options.extras_require"].values():
        lines += extra.splitlines()
    named = {re.split(r"[\[>=<; ]", line.strip())[0] for line in lines if line.strip()}
    page = _read(ROOT / "docs" / "decisions" / "0004-dependencies.md")
    reasons = {row.split("|")[1].strip() for row in page.splitlines() if row.startswith("| ")}
    assert named - {"consumer-credit-registry"} == reasons - {"package"}


@pytest.mark.parametrize("name", ["cn-2026.1", "us-2026.1"])
def test_the_rulebook_page_has_every_code(name: str) -> None:
    """The taxonomy on the page is the taxonomy of the editions."""
    page = _read(ROOT / "docs" / "rulebook.md")
    rows = [_row(code) for code in load_editions()[name].codes.values()]
    assert [] == [row for row in rows if row not in page]


def _row(code: Code) -> str:
    groups = [" or ".join(sorted(group)) for group in code.evidence]
    evidence = " + ".join(f"({group})" if " or " in group else group for group in groups)
    for condition in code.conditions:
        evidence += f"; {condition.text.en}: {condition.items_min} × {condition.evidence_class}"
    severity = code.severity or "–"
    evidence = evidence or "the subject's own request"
    return (
        f"| {code.code} | {code.name.en} | {code.name.zh} | {code.role} | {severity} | {evidence} |"
    )


def test_the_rulebook_page_has_every_time_limit() -> None:
    """The time limits on the page are those of both editions, side by side."""
    page = _read(ROOT / "docs" / "rulebook.md")
    documents = [load_editions()[name].document for name in ("cn-2026.1", "us-2026.1")]
    first, second = (document["deadlines"] for document in documents)
    rows = [f"| `{name}` | {_span(first[name])} | {_span(second[name])} |" for name in first]
    assert [] == [row for row in rows if row not in page]


def _span(table: object) -> str:
    assert isinstance(table, dict)
    parts = []
    for name, value in table.items():
        if isinstance(value, dict):
            parts.append(f"{name} {_span(value)}")
        else:
            unit = name.replace("_", " ")
            parts.append(f"{value} {unit[:-1] if value == 1 else unit}")
    return ", ".join(parts)


def test_every_kind_of_problem_is_on_the_protocol_page() -> None:
    """The table of kinds and statuses is complete."""
    page = _read(ROOT / "docs" / "protocol.md")
    names = [kind.value.replace("_", " ") for kind in Kind]
    assert [] == [name for name in names if f"| {name} |" not in page]


def test_every_operation_is_on_the_protocol_page() -> None:
    """Whatever the API describes, the wire's own page describes too."""
    page = _read(ROOT / "docs" / "protocol.md").replace(" ", "")
    description = yaml.safe_load(_read(ROOT / "api_spec" / "openapi.yaml"))
    missing = [
        f"{method.upper()} {path}"
        for path, operations in description["paths"].items()
        for method in operations
        if method != "parameters" and not _is_described(page, method, path)
    ]
    assert [] == missing


def test_every_code_of_a_missing_point_is_on_the_protocol_page() -> None:
    """A furnisher can look up each code that a refused filing is answered with."""
    page = _read(ROOT / "docs" / "protocol.md")
    sources = ("rulebook/proof.py", "incidents/service.py")
    code = "".join(_read(ROOT / "registry" / source) for source in sources)
    codes = set(re.findall(r'code="([a-z_]+)"', code))
    codes |= set(re.findall(r'_(?:lacking|out_of_order)\([^)]*?"([a-z]+_[a-z_]+)"', code))
    assert set() == {each for each in codes if f"`{each}`" not in page}


def _is_described(page: str, method: str, path: str) -> bool:
    pattern = re.escape(method.upper()) + re.sub(
        r"\\\{[^}]*\\\}", r"\\{[a-z_]+\\}", re.escape(path)
    )
    return re.search(pattern + r"(?![\w/{])", page) is not None


@pytest.mark.parametrize("page", DECISIONS, ids=_id)
def test_every_decision_says_context_decision_and_consequences(page: Path) -> None:
    """A decision is one page of three sections under its own number."""
    lines = _read(page).splitlines()
    assert f"# {page.name[:4]} " == lines[0][:7]
    sections = [line for line in lines if line.startswith("## ")]
    assert ["## Context", "## Decision", "## Consequences"] == sections


def test_each_decision_has_a_number_of_its_own() -> None:
    """Numbers begin at 1; one that was kept free for a decision not taken stays free."""
    numbers = [int(page.name[:4]) for page in DECISIONS]
    assert (1, len(numbers)) == (numbers[0], len(set(numbers)))


def _glossary() -> Iterator[list[str]]:
    for line in _read(ROOT / "docs" / "glossary.md").partition("## Not used")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and cells[0] != "English":
            yield cells


def test_every_word_of_the_glossary_has_both_languages_and_one_meaning() -> None:
    """Each row is an English word, a Chinese word and a meaning; no word stands twice."""
    rows = list(_glossary())
    words = [row[0] for row in rows]
    assert sorted(set(words)) == sorted(words)
    assert [] == [
        row for row in rows if len(row) != 3 or not re.search(r"[一-鿿]", row[1]) or not row[2]
    ]


def test_the_notice_before_a_report_says_the_same_in_both_languages() -> None:
    """With the same places to fill in, and each right a person has."""
    page = (ROOT / "docs" / "integrating.md").read_text()
    english, chinese = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    places = set(re.findall(r"\{(\w+)\}", english))
    assert places == set(re.findall(r"\{(\w+)\}", chinese))
    assert {"furnisher", "code", "evidence", "days", "report_on", "origin", "contact"} <= places
    for right, same_right in (
        ("who looked", "谁查询过"),
        ("object", "异议"),
        ("removed", "删除"),
        ("jury", "评审团"),
        ("statement", "声明"),
        ("freeze", "冻结"),
        ("earlier holder", "前任持有人"),
        ("free of charge", "免费"),
        ("complain", "投诉"),
    ):
        assert right in english
        assert same_right in chinese
