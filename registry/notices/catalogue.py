"""The texts of letters, in both languages, read once and held to each other."""

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from registry.kernel.problems import Text
from registry.notices.letter_model import LetterTemplate
from registry.rulebook.model import Edition

LANGUAGES = ("zh", "en")
_ALWAYS = frozenset({"origin", "law"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One letter's texts, and the facts they need; `closing` is what it ends with."""

    facts: frozenset[str]
    subject: Text
    text: Text
    closing: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A letter as it is sent: one subject, both languages one under the other."""

    subject: Text
    text: Text

    @property
    def whole_subject(self) -> str:
        """Both languages on one line."""
        return f"{self.subject.zh} / {self.subject.en}"

    @property
    def whole_text(self) -> str:
        """Both languages, one under the other."""
        return f"{self.text.zh}\n\n{'-' * 40}\n\n{self.text.en}\n"


class Catalogue:
    """Every template there is, rendered by the law of an edition."""

    def __init__(self, document: Mapping[str, Any], *, edition: Edition, origin: str) -> None:
        self._edition = edition
        self._origin = origin
        self._purposes = {each.value: text for each, text in edition.purposes.items()}
        self._greeting = _text(document["greeting"])
        closings = {reader: _text(each) for reader, each in document["closing"].items()}
        self._law = {
            LetterTemplate(name): _text(each)
            for name, each in document["law"][edition.region].items()
        }
        self._templates = {
            LetterTemplate(name): Template(
                facts=frozenset(each["facts"]),
                subject=_text(each["subject"]),
                text=_text(each["text"]),
                closing=closings[each.get("to", "person")],
            )
            for name, each in document["letters"].items()
        }
        assert self._templates.keys() == set(LetterTemplate), "every template has its texts"
        for template, each in self._templates.items():
            for language in LANGUAGES:
                named = _names(getattr(each.text, language)) - _ALWAYS
                assert named == each.facts, f"{template} in {language}: {named ^ each.facts}"
            assert ("{law}" in each.text.en) == (template in self._law), f"{template}: law"
            assert ("{law}" in each.text.zh) == (template in self._law), f"{template}: law"

    @classmethod
    def load(cls, *, edition: Edition, origin: str) -> "Catalogue":
        """The catalogue this program ships."""
        return cls(_document("letters.toml"), edition=edition, origin=origin)

    def facts_of(self, template: LetterTemplate) -> frozenset[str]:
        """The names of the facts a letter needs."""
        return self._templates[template].facts

    def render(self, template: LetterTemplate, facts: Mapping[str, str]) -> Rendered:
        """The letter, from exactly the facts it needs."""
        known = self._templates[template]
        assert facts.keys() == known.facts, f"{template} needs {sorted(known.facts)}"
        return Rendered(
            subject=known.subject,
            text=Text(
                en=self._render(template, known, facts, "en"),
                zh=self._render(template, known, facts, "zh"),
            ),
        )

    def _render(
        self, template: LetterTemplate, known: Template, facts: Mapping[str, str], language: str
    ) -> str:
        law = self._law.get(template)
        filled = {
            **facts,
            "origin": self._origin,
            "law": "" if law is None else getattr(law, language),
        }
        code = self._edition.codes.get(facts.get("code", ""))
        if code is not None:
            filled["code"] = getattr(code.name, language)
        purpose = self._purposes.get(facts.get("purpose", ""))
        if purpose is not None:
            filled["purpose"] = getattr(purpose, language)
        parts = [
            getattr(each, language).strip() for each in (self._greeting, known.text, known.closing)
        ]
        # Facts are put in once and never read for names again: what a reviewer wrote in
        # braces stays what it is.
        return "\n\n".join(string.Template(_dollars(part)).substitute(filled) for part in parts)


def read_texts(name: str) -> Mapping[str, Text]:
    """The texts of a file that holds nothing else; both languages name the same things."""
    texts = {key: _text(each) for key, each in _document(name).items()}
    for key, each in texts.items():
        assert _names(each.en) == _names(each.zh), f"{name}: {key}"
    return texts


def _document(name: str) -> Mapping[str, Any]:
    text = (files("registry.notices") / "texts" / name).read_text(encoding="utf-8")
    return tomllib.loads(text)


def _text(document: Mapping[str, str]) -> Text:
    assert document.keys() == set(LANGUAGES), "a text has both languages"
    return Text(en=document["en"], zh=document["zh"])


def _names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def _dollars(text: str) -> str:
    """`{name}` as the names of `string.Template`, which looks into no attribute of a fact."""
    names = _names(text)
    escaped = text.replace("$", "$$")
    for name in names:
        escaped = escaped.replace(f"{{{name}}}", f"${{{name}}}")
    return escaped
