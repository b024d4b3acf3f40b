"""Loads every edition when the program starts, and refuses one that is not whole."""

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from importlib import resources
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from registry.kernel.canonical import JsonValue
from registry.rulebook.consistency import require_consistent
from registry.rulebook.model import (
    Ages,
    AppealRules,
    Band,
    BandRange,
    Calendar,
    Code,
    Condition,
    Deadlines,
    Edition,
    EvidenceClass,
    Filer,
    JuryRules,
    NamedText,
    ProofRules,
    Purpose,
    ReliabilityPrior,
    Role,
    Rulebook,
    Scorecard,
    Severity,
    Texts,
)
from registry.rulebook.reading import EditionRefused, Table

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def load_editions() -> Mapping[str, Edition]:
    """Every shipped edition by name, validated.

    Raises: EditionRefused.
    """
    files = resources.files("registry.rulebook") / "editions"
    editions: dict[str, Edition] = {}
    for file in files.iterdir():
        if file.name.endswith(".toml"):
            edition = read_edition(file.read_bytes())
            if file.name != f"{edition.name}.toml":
                raise EditionRefused(f"{file.name} names itself {edition.name}")
            editions[edition.name] = edition
    return MappingProxyType(editions)


def load_rulebook(current: str) -> Rulebook:
    """The rulebook that files under the edition named `current`.

    Raises: EditionRefused.
    """
    editions = load_editions()
    if current not in editions:
        raise EditionRefused(f"there is no edition {current}; known: {', '.join(sorted(editions))}")
    return Rulebook(editions=editions, current=editions[current])


def read_edition(source: bytes) -> Edition:
    """One edition from the bytes of its file.

    Raises: EditionRefused.
    """
    try:
        document = tomllib.loads(source.decode(), parse_float=Decimal)
    except ValueError as error:
        raise EditionRefused(f"the file cannot be read: {error}") from error
    root = Table(document, str(document.get("name", "edition")))
    edition = Edition(
        name=root.string("name"),
        title=root.text("title"),
        region=root.string("region"),
        currency=root.string("currency"),
        calendar=_calendar(root.table("calendar")),
        codes=_codes(root),
        evidence_classes=root.by_name("evidence_classes", EvidenceClass, Table.text),
        not_filable=_named_texts(root, "not_filable"),
        member_misconduct=_named_texts(root, "member_misconduct"),
        purposes=root.by_name("purposes", Purpose, Table.text),
        purposes_forbidden=tuple(_named_texts(root, "purposes_forbidden").values()),
        proof=_proof(root.table("proof")),
        deadlines=_deadlines(root.table("deadlines")),
        scorecard=_scorecard(root.table("scorecard")),
        reliability=_reliability(root.table("reliability")),
        appeals=_appeals(root.table("appeals")),
        jury=_jury(root.table("jury")),
        ages=_ages(root.table("ages")),
        texts=_texts(root.table("texts")),
        document=_json_object(document),
    )
    root.done()
    require_consistent(edition)
    return edition


def factor_micropoints(points_to_double_odds: int) -> int:
    """`points / ln 2` in whole millionths of a point: 40 → 57 707 802."""
    with localcontext() as context:
        # Decimal, because the last digit of a platform's log() may differ.
        context.prec = 30
        factor = Decimal(points_to_double_odds) / Decimal(2).ln() * 1_000_000
        return int(factor.to_integral_value(ROUND_HALF_UP))


def _calendar(table: Table) -> Calendar:
    zone = table.string("zone")
    weekend = table.list("weekend")
    try:
        calendar = Calendar(
            zone=ZoneInfo(zone),
            weekend=frozenset(_WEEKDAYS.index(day) for day in weekend),
            holidays=table.days("holidays"),
            working_weekend_days=table.days("working_weekend_days"),
            covers_from_on=table.day("covers_from_on"),
            covers_until_on=table.day("covers_until_on"),
        )
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise EditionRefused(f"{table.path} has an unknown zone or weekday: {error}") from error
    table.done()
    return calendar


def _codes(root: Table) -> Mapping[str, Code]:
    codes: dict[str, Code] = {}
    for index, value in enumerate(root.list("codes")):
        code = _code(Table(value, f"{root.path}.codes[{index}]"))
        if code.code in codes:
            raise root.refuse(f"codes[{index}]", f"defines {code.code} a second time")
        codes[code.code] = code
    return MappingProxyType(codes)


def _code(table: Table) -> Code:
    groups = table.list("evidence")
    code = Code(
        code=table.string("code"),
        name=table.text("name"),
        role=table.enum("role", Role),
        severity=table.enum("severity", Severity) if table.has("severity") else None,
        filed_by=table.enum("filed_by", Filer) if table.has("filed_by") else Filer.FURNISHER,
        evidence=tuple(
            Table({"group": group}, table.path).enums("group", EvidenceClass) for group in groups
        ),
        conditions=_conditions(table) if table.has("conditions") else (),
    )
    table.done()
    return code


def _conditions(code: Table) -> tuple[Condition, ...]:
    conditions = []
    for index, value in enumerate(code.list("conditions")):
        table = Table(value, f"{code.path}.conditions[{index}]")
        condition = Condition(
            evidence_class=table.enum("class", EvidenceClass),
            items_min=table.whole("items_min"),
            text=table.text("text"),
        )
        table.done()
        conditions.append(condition)
    return tuple(conditions)


def _named_texts(root: Table, name: str) -> Mapping[str, NamedText]:
    table = root.table(name)
    return MappingProxyType(
        {key: NamedText(name=key, text=table.text(key)) for key in table.names()}
    )


def _proof(table: Table) -> ProofRules:
    rules = ProofRules(
        reviewers_min=table.by_name("reviewers_min", Severity, Table.whole),
        protective_reviewers_min=table.whole("protective_reviewers_min"),
        evidence_classes_min=table.whole("evidence_classes_min"),
        intent_characters_min=table.whole("intent_characters_min"),
        classes_that_never_count=table.enums("classes_that_never_count", EvidenceClass),
    )
    table.done()
    return rules


def _deadlines(table: Table) -> Deadlines:
    kept = table.by_name("kept", Severity, Table.span)
    names = [field.name for field in fields(Deadlines) if field.name != "kept"]
    spans = {name: table.span(name) for name in names}
    table.done()
    return Deadlines(kept=kept, **spans)


def _scorecard(table: Table) -> Scorecard:
    points_to_double_odds = table.whole("points_to_double_odds")
    scorecard = Scorecard(
        score_min=table.whole("score_min"),
        score_max=table.whole("score_max"),
        score_clean=table.whole("score_clean"),
        points_to_double_odds=points_to_double_odds,
        factor_micropoints=factor_micropoints(points_to_double_odds),
        weights_milli=table.by_name(
            "weights", Severity, lambda weights, name: weights.scaled(name, 1000)
        ),
        disputed_percent=table.by_name("disputed_percent", Severity, Table.whole),
        blocked_percent=table.whole("blocked_percent"),
        group_points_max=table.whole("group_points_max"),
        lone_group_band_min=table.enum("lone_group_band_min", Band),
        reasons_max=table.whole("reasons_max"),
        bands=tuple(
            _band(Table(value, f"{table.path}.bands[{index}]"))
            for index, value in enumerate(table.list("bands"))
        ),
    )
    table.done()
    return scorecard


def _band(table: Table) -> BandRange:
    band = BandRange(band=table.enum("band", Band), score_min=table.whole("score_min"))
    table.done()
    return band


def _reliability(table: Table) -> ReliabilityPrior:
    prior = ReliabilityPrior(
        upheld=table.whole("upheld"),
        overturned=table.whole("overturned"),
        monthly_forgetting_ppm=table.scaled("monthly_forgetting", 1_000_000),
        reporting_min_ppm=table.scaled("reporting_min", 1_000_000),
    )
    table.done()
    return prior


def _appeals(table: Table) -> AppealRules:
    rules = AppealRules(precedent_cases_min=table.whole("precedent_cases_min"))
    table.done()
    return rules


def _jury(table: Table) -> JuryRules:
    severities = table.enums("severities", Severity)
    names = [field.name for field in fields(JuryRules) if field.name != "severities"]
    numbers = {name: table.whole(name) for name in names}
    table.done()
    return JuryRules(severities=severities, **numbers)


def _ages(table: Table) -> Ages:
    ages = Ages(filed_from=table.whole("filed_from"), scored_from=table.whole("scored_from"))
    table.done()
    return ages


def _texts(table: Table) -> Texts:
    texts = Texts(
        weak_match=table.text("weak_match"),
        adverse_action_notice=table.text("adverse_action_notice"),
    )
    table.done()
    return texts


def _json_object(document: Mapping[str, Any]) -> Mapping[str, JsonValue]:
    return MappingProxyType({name: _json(value) for name, value in document.items()})


def _json(value: Any) -> JsonValue:
    # Any: whatever TOML can hold.
    if isinstance(value, dict):
        return {name: _json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_json(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    assert isinstance(value, str | int | bool)
    return value
