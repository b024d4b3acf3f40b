"""Signed notes: a text, and signatures by keys that have names.

    text, its last line ended
    <blank line>
    — name base64(key id ‖ signature)          one line each, — is U+2014

Signatures of unknown keys are carried along and prove nothing; one of a known
key that does not verify spoils the note. Stricter than the standard asks: base64
has one spelling, and *every* signature of a known key must verify.
Source: C2SP signed-note; golang.org/x/mod/sumdb/note (limits, key names).
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Protocol

from registry.crypto.signature import Algorithm, PrivateKey, PublicKey

# Room for the 16 signatures every verifier must accept, each post-quantum.
NOTE_BYTES_MAX = 256 * 1024
SIGNATURES_MAX = 100
KEY_ID_BYTES = 4

_DASH = "— "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_PUBLIC_KEY_BYTES = 32


class SignatureType(IntEnum):
    """How a key signs: the byte before the public key in its id and its vkey."""

    ED25519 = 0x01
    COSIGNATURE = 0x04


class MalformedNote(ValueError):
    """The bytes are not a signed note."""


class MalformedVerifierKey(ValueError):
    """The text is not a verifier key of the type asked for."""


class NoteNotSigned(ValueError):
    """No known key signed the note."""


class SignatureNotValid(ValueError):
    """A signature by a known key does not verify: the note must not be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One signature line. `data` is what the key made of the text, without the key id."""

    name: str
    key_id: bytes
    data: bytes

    def line(self) -> str:
        """The line of the note, ended."""
        return f"{_DASH}{self.name} {encode_base64(self.key_id + self.data)}\n"

    @property
    def signer(self) -> tuple[str, bytes]:
        """Name and key id: together they name one key."""
        return self.name, self.key_id


class Verifier(Protocol):
    """A key one trusts, and the way it signs."""

    @property
    def name(self) -> str:
        """The name in its signature lines."""
        ...

    @property
    def key_id(self) -> bytes:
        """The four bytes before each of its signatures."""
        ...

    def verifies(self, data: bytes, text: str) -> bool:
        """Whether the key made the signature `data` of the note's `text`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A text and its signatures, none of them verified yet."""

    text: str
    signatures: tuple[Signature, ...]

    def to_bytes(self) -> bytes:
        """The signed note."""
        return (self.text + "\n" + "".join(each.line() for each in self.signatures)).encode()

    def with_signatures(self, signatures: Iterable[Signature]) -> "Note":
        """The note with these added at its end, in place of older ones of the same keys."""
        added = tuple(signatures)
        signers = {each.signer for each in added}
        kept = tuple(each for each in self.signatures if each.signer not in signers)
        return replace(self, signatures=kept + added)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedNote:
    """A note that at least one known key signed, and no known key spoils.

    `verified` and `unknown` keep the order of the note; identical lines count once.
    """

    text: str
    verified: tuple[Signature, ...]
    unknown: tuple[Signature, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """An Ed25519 key that signs the text of notes as it stands (type 01)."""

    name: str
    public_key: PublicKey

    @property
    def key_id(self) -> bytes:
        """The four bytes that name the key beside its name."""
        return key_id(self.name, self.public_key.raw)

    def verifies(self, data: bytes, text: str) -> bool:
        """Whether `data` is the key's RFC 8032 signature of `text`."""
        return self.public_key.verifies(data, text.encode())

    def to_vkey(self) -> str:
        """The key as verifiers configure it."""
        return vkey(self.name, self.public_key.raw)

    @staticmethod
    def from_vkey(text: str) -> "VerifierKey":
        """The key of its `to_vkey`.

        Raises: MalformedVerifierKey.
        """
        name, public_key = parse_vkey(text, SignatureType.ED25519)
        return VerifierKey(name=name, public_key=public_key)


def key_id(
    name: str, public_key: bytes, signature_type: SignatureType = SignatureType.ED25519
) -> bytes:
    """The 4 bytes that name a key in a signature line of a note."""
    named = name.encode() + b"\n" + bytes([signature_type]) + public_key
    return hashlib.sha256(named).digest()[:KEY_ID_BYTES]


def vkey(
    name: str, public_key: bytes, signature_type: SignatureType = SignatureType.ED25519
) -> str:
    """The verifier key `name+hex id+base64(type ‖ key)` of a 32-byte Ed25519 key.

    Raises: ValueError for a name that a note could not carry.
    """
    if not is_name(name):
        raise ValueError("a key name has no plus, no space and no control character")
    assert len(public_key) == _PUBLIC_KEY_BYTES
    encoded = encode_base64(bytes([signature_type]) + public_key)
    return f"{name}+{key_id(name, public_key, signature_type).hex()}+{encoded}"


def parse_vkey(text: str, signature_type: SignatureType) -> tuple[str, PublicKey]:
    """Name and key of a verifier key of `signature_type`.

    Raises: MalformedVerifierKey, also when its id is another key's.
    """
    # The base64 may itself hold a plus: only the first two part the text.
    name, _, rest = text.partition("+")
    encoded = rest.partition("+")[2]
    try:
        data = decode_base64(encoded)
        public_key = PublicKey.from_raw(Algorithm.EDDSA, data[1:])
        spelled = vkey(name, public_key.raw, signature_type)
    except ValueError as error:
        raise MalformedVerifierKey("a verifier key is name+hex id+base64") from error
    # The public key is the same whatever its type byte: comparing all of it
    # refuses another type, another key's id, and an id in upper case.
    if spelled != text:
        raise MalformedVerifierKey("the verifier key has another type or another key's id")
    return name, public_key


def sign(text: str, name: str, key: PrivateKey) -> Signature:
    """The signature of `text` by an Ed25519 key of this name (type 01).

    Raises: MalformedNote for a text no note can have.
    """
    assert key.algorithm is Algorithm.EDDSA
    assert is_name(name), "the vkey of the key would not parse"
    _refuse_text(text)
    return Signature(name=name, key_id=key_id(name, key.public.raw), data=key.sign(text.encode()))


def parse(data: bytes) -> Note:
    """The note whose `to_bytes` is `data`, its signatures not verified.

    Raises: MalformedNote.
    """
    if len(data) > NOTE_BYTES_MAX:
        raise MalformedNote(f"a note longer than {NOTE_BYTES_MAX} bytes")
    try:
        whole = data.decode()
    except UnicodeDecodeError as error:
        raise MalformedNote("a note is UTF-8") from error
    head, blank, lines = whole.rpartition("\n\n")
    if not blank:
        raise MalformedNote("no blank line before the signatures")
    text = head + "\n"
    _refuse_text(text)
    return Note(text=text, signatures=parse_signatures(lines))


def parse_signatures(lines: str) -> tuple[Signature, ...]:
    """The signatures of one or more signature lines, each ended.

    Raises: MalformedNote.
    """
    *each_line, rest = lines.split("\n")
    if rest or not 0 < len(each_line) <= SIGNATURES_MAX:
        raise MalformedNote(f"not 1 to {SIGNATURES_MAX} signature lines, each ended")
    return tuple(map(_signature, each_line))


def verify(note: Note, verifiers: Sequence[Verifier]) -> VerifiedNote:
    """The text of `note`, once all its signatures by known keys have verified.

    Raises: NoteNotSigned, SignatureNotValid; ValueError when two of the verifiers
    share name and key id, which is how a substituted key would look.
    """
    known: dict[tuple[str, bytes], Verifier] = {}
    for verifier in verifiers:
        if known.setdefault((verifier.name, verifier.key_id), verifier) != verifier:
            raise ValueError(f"two keys are called {verifier.name}+{verifier.key_id.hex()}")
    verified, unknown = [], []
    for each in dict.fromkeys(note.signatures):
        signed_by = known.get(each.signer)
        if signed_by is None:
            unknown.append(each)
        elif signed_by.verifies(each.data, note.text):
            verified.append(each)
        else:
            raise SignatureNotValid(
                f"the signature of {each.name}+{each.key_id.hex()} does not verify"
            )
    if not verified:
        raise NoteNotSigned("no known key signed the note")
    return VerifiedNote(text=note.text, verified=tuple(verified), unknown=tuple(unknown))


def is_name(text: str) -> bool:
    """Whether a key may be called so: something, without plus, Unicode space or control."""
    return bool(text) and not any(each == "+" or each < " " or each.isspace() for each in text)


def encode_base64(data: bytes) -> str:
    """The text of `data`: RFC 4648 §4, with padding."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str) -> bytes:
    """The bytes whose `encode_base64` is `text`, and no other spelling of them.

    Raises: ValueError.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if encode_base64(data) != text:
        raise ValueError("not base64: another spelling")
    return data


def _signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not is_name(name):
        raise MalformedNote("a signature line is a dash, a name and base64")
    try:
        data = decode_base64(encoded)
    except ValueError as error:
        raise MalformedNote("a signature is not base64") from error
    if len(data) <= KEY_ID_BYTES:
        raise MalformedNote("a signature is shorter than its key id")
    return Signature(name=name, key_id=data[:KEY_ID_BYTES], data=data[KEY_ID_BYTES:])


def _refuse_text(text: str) -> None:
    if not text.endswith("\n") or _CONTROL.search(text):
        raise MalformedNote("a text ends in a newline and has no other control character")
