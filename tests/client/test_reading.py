"""Small parts: members of answers, Link headers, documents, profiles."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.client import (
    AnswerNotUnderstood,
    DocumentUnreadable,
    Profile,
    Registry,
    read_profile,
)
from registry.client.addresses import next_target, path_part
from registry.client.documents import json_value, with_tokens
from registry.client.reading import Reader
from registry.client.results import Band
from registry.crypto.signature import Algorithm, PrivateKey

ORIGIN = "https://registry.example"

DOCUMENT: dict[str, Any] = {
    "text": "x",
    "integer": 7,
    "boolean": True,
    "null": None,
    "instant": "2026-11-20T08:00:00Z",
    "day": "2026-11-20",
    "data": "AAE",
    "texts": ["a", "b"],
    "object": {"en": "yes", "zh": "是"},
    "objects": [{"a": "1"}],
    "band": "B",
}


@pytest.mark.parametrize(
    ("method", "name", "expected"),
    [
        ("text", "text", "x"),
        ("maybe_text", "null", None),
        ("maybe_text", "missing", None),
        ("integer", "integer", 7),
        ("maybe_integer", "null", None),
        ("instant", "instant", datetime(2026, 11, 20, 8, tzinfo=UTC)),
        ("maybe_instant", "null", None),
        ("day", "day", date(2026, 11, 20)),
        ("data", "data", b"\x00\x01"),
        ("texts", "texts", ("a", "b")),
        ("maybe_bilingual", "null", None),
    ],
)
def test_member_is_read_as_its_type(method: str, name: str, expected: object) -> None:
    """Each member comes as the one type it must have."""
    assert expected == getattr(Reader(DOCUMENT, "it"), method)(name)


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("text", "integer"),
        ("text", "missing"),
        ("text", "null"),
        ("integer", "boolean"),
        ("integer", "text"),
        ("instant", "day"),
        ("day", "text"),
        ("data", "instant"),
        ("texts", "objects"),
        ("texts", "text"),
        ("child", "text"),
        ("children", "texts"),
        ("children", "object"),
        ("bilingual", "objects"),
        ("maybe_integer", "text"),
    ],
)
def test_member_of_another_type_is_named(method: str, name: str) -> None:
    """What does not fit is an error that says where."""
    with pytest.raises(AnswerNotUnderstood, match=f"it.{name}"):
        getattr(Reader(DOCUMENT, "it"), method)(name)


def test_choice_is_one_of_its_set() -> None:
    """A value outside the set is not understood."""
    assert Band.B is Reader(DOCUMENT, "it").choice("band", Band)
    with pytest.raises(AnswerNotUnderstood, match="one of"):
        Reader(DOCUMENT, "it").choice("text", Band)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        ('</v1/incidents?cursor=a>; rel="next"', "/v1/incidents?cursor=a"),
        (f"<{ORIGIN}/v1/incidents?cursor=a>; rel=next", "/v1/incidents?cursor=a"),
        ('<?cursor=b>; rel="next"', "/v1/incidents?cursor=b"),
        ('</a>; rel="prev", </b>; title="x, y"; rel="last next"', "/b"),
        ('</a>; rel="nextish"', None),
        ("</a>", None),
        ("garbage", None),
    ],
)
def test_next_page_is_found(header: str | None, expected: str | None) -> None:
    """Only the link whose relation is `next` leads on."""
    assert expected == next_target(header, origin=ORIGIN, target="/v1/incidents?cursor=z")


@pytest.mark.parametrize("address", ["https://evil.example/x", "//evil.example/x", "http:/x"])
def test_next_page_stays_at_the_origin(address: str) -> None:
    """A page elsewhere is not followed."""
    with pytest.raises(AnswerNotUnderstood):
        next_target(f"<{address}>; rel=next", origin=ORIGIN, target="/v1/incidents")


@given(st.text(max_size=60))
def test_no_link_header_stops_the_client(header: str) -> None:
    """Whatever a header holds, it is read or it is not."""
    next_target(header, origin=ORIGIN, target="/v1/incidents")


def test_id_cannot_leave_its_part_of_the_path() -> None:
    """A hostile id stays one part of the path."""
    assert "..%2F..%2Fadmin%3Fx%23" == path_part("../../admin?x#")


def test_yaml_values_become_json() -> None:
    """Days and instants of YAML become the text JSON has for them."""
    assert {
        "on": "2026-10-01",
        "at": "2026-10-06T03:00:00Z",
        "list": [1, True, None, "x"],
    } == json_value(
        {
            "on": date(2026, 10, 1),
            "at": datetime(2026, 10, 6, 3, tzinfo=UTC),
            "list": [1, True, None, "x"],
        }
    )


@pytest.mark.parametrize("value", [{1: "x"}, b"bytes", {1, 2}, {"a": object()}])
def test_yaml_beyond_json_is_unreadable(value: object) -> None:
    """What JSON has no form for is refused by name of its kind."""
    with pytest.raises(DocumentUnreadable):
        json_value(value)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"identities": "x"},
        {"identities": [{"type": "fax/1", "identifier": "1"}]},
        {"identities": [{"identifier": "1"}]},
        {"identities": [{"type": "phone/1", "identifier": 13800138000}]},
    ],
)
def test_document_without_readable_identities_is_refused(document: dict[str, Any]) -> None:
    """What cannot become a token is refused before anything is sent."""
    with pytest.raises(DocumentUnreadable) as caught:
        with_tokens(document, lambda identifiers: [])
    assert "13800138000" not in str(caught.value)


def write_profile(directory: Path, **changes: object) -> Path:
    (directory / "key.pem").write_bytes(PrivateKey.generate(Algorithm.ES256).to_pem())
    members = {
        "origin": ORIGIN,
        "federation": "f",
        "member": "mem_1",
        "kid": "k",
        "alg": "ES256",
        "private_key_file": "key.pem",
        "region": "GB",
    } | changes
    path = directory / "profile.json"
    path.write_text(json.dumps(members))
    return path


def test_profile_names_registry_member_and_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A profile opens a registry by itself; CCR_PROFILE names the one to use."""
    path = write_profile(tmp_path)
    assert Profile(
        origin=ORIGIN,
        member="mem_1",
        private_key_file=tmp_path / "key.pem",
        federation="f",
        region="GB",
    ) == read_profile(path)
    monkeypatch.setenv("CCR_PROFILE", str(path))
    assert (ORIGIN, "mem_1") == (
        Registry.from_profile().origin,
        Registry.from_profile(path).member,
    )


def test_no_profile_is_wrong_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a profile there is no registry to guess."""
    monkeypatch.delenv("CCR_PROFILE", raising=False)
    with pytest.raises(ValueError, match="CCR_PROFILE"):
        Registry.from_profile()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"origin": 1}', '{"a":1,"a":1}'])
def test_file_that_is_no_profile_is_refused(tmp_path: Path, text: str) -> None:
    """The file is named, with what is wrong in it."""
    path = tmp_path / "profile.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"profile\.json"):
        read_profile(path)


def test_file_that_is_no_key_is_refused(tmp_path: Path) -> None:
    """A public key or any other file is not a private key."""
    path = tmp_path / "key.pem"
    path.write_bytes(PrivateKey.generate().public.to_pem())
    with pytest.raises(ValueError, match=r"key\.pem"):
        Registry(ORIGIN, "mem_1", path)
