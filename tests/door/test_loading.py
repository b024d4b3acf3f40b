"""The loaders by hand take what the schemas take, and give the same."""

import json
from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError

from registry.identity.loading import load_evaluation
from registry.identity.schemas import EvaluationRequestSchema
from registry.kernel import base64url
from registry.lookups.loading import load_batch, load_lookup
from registry.lookups.schemas import LookupBatchSchema, LookupRequestSchema
from tests.lookups.samples import question

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
TEXTS = st.text(max_size=130) | st.sampled_from(
    ["", "a" * 64, "a" * 65, "a\u0000", "\u2028", "\u202e", "é"]
)
DAYS = st.dates().map(str) | st.sampled_from(
    ["1899-12-31", "1900-01-01", "2026-02-30", "2026-2-3", "2026-01-01T00:00:00", "٢026-01-01"]
)
TOKENS = st.binary(min_size=30, max_size=34).map(base64url.encode) | st.sampled_from(
    ["A" * 43, "A" * 42 + "B", "A" * 43 + "=", "A" * 43 + "\n", "-_" * 21 + "A", "+" * 43]
)
VALUES = JSON | TEXTS | DAYS | TOKENS
IDENTITY = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["phone/1", "iban/1", "phone/2"]) | VALUES,
        "key_id": TEXTS | VALUES,
        "token": TOKENS | VALUES,
    },
    optional={"held_since": DAYS | VALUES, "other": JSON},
)
LOOKUP = st.fixed_dictionaries(
    {
        "identities": st.lists(IDENTITY, max_size=9) | VALUES,
        "purpose": st.sampled_from(["refund_only_review", "own_record", "fun"]) | VALUES,
        "order": TEXTS | VALUES,
        "authorisation": st.fixed_dictionaries(
            {
                "basis": st.sampled_from(["separate_consent", "one_use", "none"]) | VALUES,
                "reference": TEXTS | VALUES,
            },
            optional={"other": JSON},
        )
        | VALUES,
        "agent": TEXTS | VALUES,
    },
    optional={"other": JSON},
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place inside a document."""
    found = [path] if path else []
    if isinstance(value, dict):
        return found + [each for name in value for each in places(value[name], (*path, name))]
    if isinstance(value, list):
        return found + [each for n, inner in enumerate(value) for each in places(inner, (*path, n))]
    return found


@st.composite
def nearly_lookups(draw: st.DrawFn) -> Any:
    """A lookup that fits, with at most one thing changed or taken out."""
    people = draw(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8))
    held = draw(st.none() | st.dates(min_value=date(1900, 1, 1)))
    document = json.loads(json.dumps(question(*people, held_since=held)))
    if draw(st.booleans()):
        *parents, last = draw(st.sampled_from(places(document)))
        inside = document
        for step in parents:
            inside = inside[step]
        if draw(st.booleans()):
            inside[last] = draw(VALUES)
        else:
            del inside[last]
    return document


def loaded_by(schema: Schema, document: Any) -> Any:
    try:
        return schema.load(document)
    except ValidationError:
        return None


@settings(max_examples=600, deadline=None)
@given(LOOKUP | nearly_lookups() | JSON)
def test_a_lookup_is_loaded_as_its_schema_loads_it(document: Any) -> None:
    """Whatever the document, both take it or neither does."""
    assert loaded_by(LookupRequestSchema(), document) == load_lookup(document)


def test_a_plain_lookup_is_loaded() -> None:
    """Held since a day, since null, or not told since when."""
    for held in ({}, {"held_since": None}, {"held_since": "2026-01-01"}):
        document = question("ming")
        document["identities"][0] |= held
        assert None is not load_lookup(document)
        assert loaded_by(LookupRequestSchema(), document) == load_lookup(document)


@settings(max_examples=200, deadline=None)
@given(
    st.fixed_dictionaries(
        {"lookups": st.lists(JSON, max_size=102) | JSON}, optional={"other": JSON}
    )
    | JSON
)
def test_a_batch_is_loaded_as_its_schema_loads_it(document: Any) -> None:
    """As many as may be, of whatever kind."""
    loaded = loaded_by(LookupBatchSchema(), document)
    assert (None if loaded is None else loaded["lookups"]) == load_batch(document)


@settings(max_examples=300, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "key_id": TEXTS | VALUES,
            "blinded": st.lists(TOKENS, max_size=66) | st.lists(VALUES, max_size=3) | VALUES,
        },
        optional={"other": JSON},
    )
    | JSON
)
def test_an_evaluation_is_loaded_as_its_schema_loads_it(document: Any) -> None:
    """Whatever the elements are."""
    assert loaded_by(EvaluationRequestSchema(), document) == load_evaluation(document)
