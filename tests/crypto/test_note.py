"""Signed notes are read and verified as C2SP and golang.org/x/mod/sumdb/note do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.crypto import note
from registry.crypto.note import (
    MalformedNote,
    MalformedVerifierKey,
    Note,
    NoteNotSigned,
    Signature,
    SignatureNotValid,
    SignatureType,
    VerifierKey,
)
from registry.crypto.signature import PrivateKey
from registry.kernel import base64url

# golang.org/x/mod/sumdb/note, note_test.go: two keys, and a note both signed.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
PETER_SEED = note.decode_base64("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
PETER_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfq"
    "dngotpRZb6KE6RyyBwJnAM=\n"
)
ENOCH_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTG"
    "wnWLox33WWd1RvMc+QQ=\n"
)
# C2SP signed-note, the example at its top: a text with an empty line in it.
QUASIMODO = (
    "Ognuno sta solo sul cuor della terra\n"
    "trafitto da un raggio di sole:\n"
    "\n"
    "ed è subito sera.\n"
    "\n"
    "— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJK"
    "ONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
)

peter, enoch = VerifierKey.from_vkey(PETER), VerifierKey.from_vkey(ENOCH)
peter_key = PrivateKey.from_seed(PETER_SEED)


def note_of(*lines: str, text: str = TEXT) -> bytes:
    return (text + "\n" + "".join(lines)).encode()


def names(signatures: tuple[Signature, ...]) -> list[str]:
    return [each.name for each in signatures]


def test_the_keys_of_the_reference_are_read_and_written() -> None:
    """Name, id and key, and the name of each in a signature line."""
    assert (PETER, ENOCH) == (peter.to_vkey(), enoch.to_vkey())
    assert ("PeterNeumann", "c74f20a3") == (peter.name, peter.key_id.hex())
    assert peter.public_key == peter_key.public


def test_a_part_of_a_verifier_key_is_no_verifier_key() -> None:
    """No prefix, no suffix, nothing from the middle."""
    length = len(PETER)
    parts = {PETER[a:b] for a in range(length) for b in range(a, length + 1)} - {PETER}
    for part in parts:
        with pytest.raises(MalformedVerifierKey):
            VerifierKey.from_vkey(part)


def test_a_verifier_key_with_another_character_anywhere_is_refused() -> None:
    """Name, id and key hang together."""
    for at, character in enumerate(PETER):
        with pytest.raises(MalformedVerifierKey):
            VerifierKey.from_vkey(PETER[:at] + chr(ord(character) + 1) + PETER[at + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        # Those of the reference: a key too long, an unknown type; ids adjusted.
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        PETER.replace("c74f20a3", "C74F20A3"),
        PETER + "\n",
        " " + PETER,
        PETER.replace("+", " "),
        PETER.replace("/", "_"),
        PETER + "=",
        # The key of a witness: the same bytes sign in another way.
        note.vkey("PeterNeumann", peter_key.public.raw, SignatureType.COSIGNATURE),
    ],
)
def test_other_verifier_keys_are_refused(text: str) -> None:
    """Another type, another spelling."""
    with pytest.raises(MalformedVerifierKey):
        VerifierKey.from_vkey(text)


def test_a_key_anyone_can_sign_for_is_refused() -> None:
    """A point of small order is no one's key."""
    with pytest.raises(MalformedVerifierKey):
        VerifierKey.from_vkey(note.vkey("name", bytes(32)))


@pytest.mark.parametrize(
    "name", ["", "a+b", "a b", "a\nb", "a\x00b", "a\x1fb", "a\u3000b", "a\x85b"]
)
def test_names_a_note_cannot_carry_are_refused(name: str) -> None:
    """Empty, with a plus, with any kind of space, or a control character."""
    assert not note.is_name(name)
    with pytest.raises(ValueError, match="name"):
        note.vkey(name, peter_key.public.raw)
    with pytest.raises(AssertionError):
        note.sign(TEXT, name, peter_key)


def test_signing_gives_the_note_of_the_reference() -> None:
    """Byte for byte."""
    signed = Note(text=TEXT, signatures=(note.sign(TEXT, "PeterNeumann", peter_key),))
    assert note_of(PETER_LINE) == signed.to_bytes()


def test_a_note_is_verified_by_the_keys_one_knows() -> None:
    """The signatures of others are carried along, in order."""
    both = note.parse(note_of(PETER_LINE, ENOCH_LINE))
    assert TEXT == both.text
    for known, verified, unknown in (
        ([peter], ["PeterNeumann"], ["EnochRoot"]),
        ([enoch], ["EnochRoot"], ["PeterNeumann"]),
        ([enoch, peter], ["PeterNeumann", "EnochRoot"], []),
    ):
        result = note.verify(both, known)
        assert TEXT == result.text
        assert (verified, unknown) == (names(result.verified), names(result.unknown))


def test_a_note_no_known_key_signed_is_refused() -> None:
    """However many strangers did."""
    with pytest.raises(NoteNotSigned):
        note.verify(note.parse(note_of(PETER_LINE)), [enoch])
    with pytest.raises(NoteNotSigned):
        note.verify(note.parse(note_of(PETER_LINE, ENOCH_LINE)), [])


def test_a_bad_signature_of_a_known_key_spoils_the_note() -> None:
    """Also beside a good one of another key, and after a good one of the same."""
    bad = PETER_LINE.replace("ZJku", "ZJkv")
    for lines in ((bad,), (bad, ENOCH_LINE), (ENOCH_LINE, bad), (PETER_LINE, bad)):
        with pytest.raises(SignatureNotValid, match=r"PeterNeumann\+c74f20a3"):
            note.verify(note.parse(note_of(*lines)), [enoch, peter])
    assert names(note.verify(note.parse(note_of(bad, ENOCH_LINE)), [enoch]).unknown)


@pytest.mark.parametrize(
    "line",
    [
        # The same name with another id, the same id under another name.
        PETER_LINE.replace("x08g", "xxxx"),
        PETER_LINE.replace("PeterNeumann", "CarmenSandiego"),
    ],
)
def test_a_name_or_an_id_alone_is_no_known_key(line: str) -> None:
    """Both together name a key."""
    result = note.verify(note.parse(note_of(line, ENOCH_LINE)), [enoch, peter])
    assert (1, 1) == (len(result.verified), len(result.unknown))


def test_a_signature_twice_counts_once() -> None:
    """Known or unknown."""
    lines = [PETER_LINE, PETER_LINE, ENOCH_LINE, ENOCH_LINE]
    result = note.verify(note.parse(note_of(*lines)), [peter])
    assert (["PeterNeumann"], ["EnochRoot"]) == (names(result.verified), names(result.unknown))


def test_two_keys_under_one_name_and_id_are_a_fault_of_configuration() -> None:
    """The same key twice is not."""

    class Collision(VerifierKey):
        @property
        def key_id(self) -> bytes:
            return peter.key_id

    other = Collision(name="PeterNeumann", public_key=enoch.public_key)
    signed = note.parse(note_of(PETER_LINE))
    assert names(note.verify(signed, [peter, peter]).verified)
    with pytest.raises(ValueError, match="two keys"):
        note.verify(signed, [peter, other])


@given(st.integers(0, len(TEXT.encode()) - 2), st.integers(0, 4))
def test_a_flipped_bit_of_the_text_is_found(at: int, bit: int) -> None:
    """The signature covers every byte of it."""
    data = bytearray(note_of(PETER_LINE))
    data[at] ^= 1 << bit
    with pytest.raises((MalformedNote, SignatureNotValid)):
        note.verify(note.parse(bytes(data)), [peter])


@pytest.mark.parametrize("data", [note_of(PETER_LINE, ENOCH_LINE), QUASIMODO.encode()])
def test_a_note_is_written_as_it_was_read(data: bytes) -> None:
    """to_bytes is the inverse of parse."""
    assert data == note.parse(data).to_bytes()


def test_the_example_of_the_specification_is_read() -> None:
    """The last blank line parts text and signatures."""
    read = note.parse(QUASIMODO.encode())
    assert read.text.endswith(":\n\ned è subito sera.\n")
    [signature] = read.signatures
    assert ("quasimodo.example/salvatore", 64) == (signature.name, len(signature.data))
    assert "367ba04b" == signature.key_id.hex()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\n\n",
        TEXT.encode(),
        TEXT.encode() + b"\n",
        note_of(PETER_LINE)[:-1],
        note_of(PETER_LINE) + b"\n",
        note_of(PETER_LINE, "Unexpected line.\n"),
        note_of(PETER_LINE, text="\x01" + TEXT),
        note_of(PETER_LINE, text=TEXT.replace("\n", "\r\n")),
        note_of(PETER_LINE, text="\t" + TEXT),
        note_of(PETER_LINE, text="\x00" + TEXT),
        note_of(PETER_LINE, text=TEXT + "\x1f\n"),
        b"\xff" + note_of(PETER_LINE),
        b"\xc0\x8a" + note_of(PETER_LINE),
        b"\xed\xa0\x80" + note_of(PETER_LINE),
        note_of(PETER_LINE.replace("\n", "\r\n")),
        note_of(PETER_LINE.replace("—", "-")),
        note_of(PETER_LINE.replace("—", "–")),
        note_of(PETER_LINE.replace("— ", "—")),
        note_of(PETER_LINE.replace("— ", "—  ")),
        note_of(PETER_LINE.replace("Neumann ", "Neumann  ")),
        note_of(PETER_LINE.replace("PeterNeumann", "Peter Neumann")),
        note_of(PETER_LINE.replace("PeterNeumann", "Peter+Neumann")),
        note_of(PETER_LINE.replace("PeterNeumann", "Peter\u00a0Neumann")),
        note_of(PETER_LINE.replace("PeterNeumann", "")),
        note_of(PETER_LINE.replace("=", "")),
        note_of(PETER_LINE.replace("nAM=", "nAN=")),
        note_of(PETER_LINE.replace("/", "_")),
        note_of(PETER_LINE.replace("x08g", "x08g ")),
        note_of("— PeterNeumann \n"),
        note_of("— PeterNeumann\n"),
        note_of("— PeterNeumann x08gow==\n"),
        note_of(*[PETER_LINE] * 101),
        note_of(PETER_LINE, text="x" * note.NOTE_BYTES_MAX + "\n"),
    ],
)
def test_what_is_no_note_is_refused(data: bytes) -> None:
    """No blank line, line ends missing or foreign, names, base64, counts and sizes."""
    with pytest.raises(MalformedNote):
        note.parse(data)


def test_a_hundred_signatures_are_read() -> None:
    """Verifiers must take sixteen."""
    keys = [PrivateKey.from_seed(bytes([number]) * 32) for number in range(100)]
    signatures = [note.sign(TEXT, f"key/{n}", key) for n, key in enumerate(keys)]
    signed = Note(text=TEXT, signatures=()).with_signatures(signatures)
    known = [VerifierKey(name=f"key/{n}", public_key=key.public) for n, key in enumerate(keys)]
    assert 100 == len(note.verify(note.parse(signed.to_bytes()), known).verified)


def test_a_new_signature_takes_the_place_of_an_old_one_of_its_key() -> None:
    """And stands last, as in the reference."""
    signed = note.parse(note_of(PETER_LINE, ENOCH_LINE))
    old = Note(text=TEXT, signatures=(*signed.signatures[:1],))
    spoilt = note.parse(note_of(PETER_LINE.replace("ZJku", "ZJkv"), ENOCH_LINE))
    renewed = spoilt.with_signatures(old.signatures)
    assert note_of(ENOCH_LINE, PETER_LINE) == renewed.to_bytes()


def test_signature_lines_are_read_by_themselves() -> None:
    """As a witness answers with them."""
    lines = PETER_LINE + ENOCH_LINE
    assert ["PeterNeumann", "EnochRoot"] == names(note.parse_signatures(lines))
    assert lines == "".join(each.line() for each in note.parse_signatures(lines))
    for odd in ("", "\n", lines + "\n", lines[:-1]):
        with pytest.raises(MalformedNote):
            note.parse_signatures(odd)


def test_a_text_no_note_can_have_is_not_signed() -> None:
    """It would not be read again."""
    for text in ("", "no end", "a\tb\n", "a\r\n"):
        with pytest.raises(MalformedNote):
            note.sign(text, "PeterNeumann", peter_key)


@given(st.text(st.characters(min_codepoint=32, codec="utf-8") | st.just("\n")))
def test_any_text_signed_verifies(text: str) -> None:
    """Empty lines, other scripts, a blank line at the end."""
    text += "\n"
    signed = Note(text=text, signatures=(note.sign(text, "PeterNeumann", peter_key),))
    read = note.parse(signed.to_bytes())
    assert text == note.verify(read, [peter]).text


@given(st.binary())
def test_base64_has_one_spelling(data: bytes) -> None:
    """With padding, in the standard alphabet."""
    text = note.encode_base64(data)
    assert data == note.decode_base64(text)
    for other in (text + "=", text + "\n", " " + text, text + "A"):
        with pytest.raises(ValueError, match="base64"):
            note.decode_base64(other)
    if "=" in text or "+" in text or "/" in text:
        with pytest.raises(ValueError, match="base64"):
            note.decode_base64(base64url.encode(data))
