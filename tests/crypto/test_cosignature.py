"""A cosignature is C2SP's: over the time and the whole text of a checkpoint, of one key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.crypto import note
from registry.crypto.checkpoint import MalformedCheckpoint
from registry.crypto.cosignature import TIME_MAX, WitnessKey, cosign, cosigned_at
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
from tests.crypto import c2sp

NAME = "witness.example.com/w1"
TEXT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
SECONDS = 1_679_315_147
# C2SP tlog-cosignature, the example at its top.
EXAMPLE_LINE = (
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9"
    "dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)

key = PrivateKey.from_seed(bytes(32))
witness = WitnessKey(name=NAME, public_key=key.public)


def changed(signature: Signature, data: bytes) -> Signature:
    return Signature(name=signature.name, key_id=signature.key_id, data=data)


def test_the_example_of_the_specification_is_read() -> None:
    """Key id, time, and 64 bytes of signature."""
    [signature] = note.parse_signatures(EXAMPLE_LINE)
    assert (NAME, "8d66cf3f") == (signature.name, signature.key_id.hex())
    assert SECONDS == cosigned_at(signature)
    assert EXAMPLE_LINE == signature.line()


def test_what_is_signed_is_that_of_the_specification() -> None:
    """Two lines before the text of the checkpoint, and the time before the signature."""
    signature = cosign(TEXT, NAME, key, SECONDS)
    message = (
        b"cosignature/v1\n"
        b"time 1679315147\n"
        b"example.com/behind-the-sofa\n"
        b"20852163\n"
        b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    )
    assert bytes.fromhex("00000000641850cb") + key.sign(message) == signature.data


def test_a_cosignature_of_a_live_witness_verifies() -> None:
    """Of the checkpoint of a live log; with one character changed it does not."""
    live = WitnessKey.from_vkey(c2sp.LIVE_WITNESS)
    signed = note.parse(c2sp.LIVE_CHECKPOINT)
    [cosignature] = note.verify(signed, [live]).verified
    assert ("remora.n621.de", c2sp.LIVE_COSIGNED_AT) == (
        cosignature.name,
        cosigned_at(cosignature),
    )
    other = c2sp.LIVE_CHECKPOINT.replace(b"1432088532", b"1432088533")
    with pytest.raises(SignatureNotValid):
        note.verify(note.parse(other), [live])


def test_the_key_of_a_witness_is_written_as_it_was_read() -> None:
    """With type 04 before the key."""
    assert c2sp.LIVE_WITNESS == WitnessKey.from_vkey(c2sp.LIVE_WITNESS).to_vkey()
    encoded = c2sp.LIVE_WITNESS.split("+", 2)[2]
    assert b"\x04" == note.decode_base64(encoded)[:1]


def test_a_log_key_is_no_witness_key_and_the_other_way_round() -> None:
    """Their ids differ, though the 32 bytes are the same."""
    log = VerifierKey(name=NAME, public_key=key.public)
    assert log.key_id != witness.key_id
    with pytest.raises(MalformedVerifierKey):
        WitnessKey.from_vkey(log.to_vkey())
    with pytest.raises(MalformedVerifierKey):
        VerifierKey.from_vkey(witness.to_vkey())
    with pytest.raises(MalformedVerifierKey):
        WitnessKey.from_vkey(note.vkey(NAME, key.public.raw, SignatureType(0x01)))
    cosigned = Note(text=TEXT, signatures=(cosign(TEXT, NAME, key, SECONDS),))
    with pytest.raises(NoteNotSigned):
        note.verify(cosigned, [log])
    assert note.verify(cosigned, [log, witness]).verified


@given(st.integers(0, TIME_MAX))
def test_the_time_is_part_of_what_is_signed(seconds: int) -> None:
    """Any up to 2^63 - 1; another one does not verify."""
    signature = cosign(TEXT, NAME, key, seconds)
    assert seconds == cosigned_at(signature)
    assert witness.verifies(signature.data, TEXT)
    other = (seconds ^ 1).to_bytes(8, "big") + signature.data[8:]
    assert not witness.verifies(other, TEXT)


def test_the_whole_text_is_part_of_what_is_signed() -> None:
    """Extension lines too."""
    text = TEXT + "extension one\nextension two\n"
    signature = cosign(text, NAME, key, SECONDS)
    assert witness.verifies(signature.data, text)
    assert not witness.verifies(signature.data, text.replace("two", "six"))
    assert not witness.verifies(signature.data, TEXT)


@given(st.integers(0, 8 * 72 - 1))
def test_a_flipped_bit_of_a_cosignature_is_found(bit: int) -> None:
    """In the time and in the signature."""
    data = bytearray(cosign(TEXT, NAME, key, SECONDS).data)
    data[bit // 8] ^= 1 << bit % 8
    assert not witness.verifies(bytes(data), TEXT)


def test_a_time_beyond_the_limit_is_refused() -> None:
    """Even if it was signed."""
    seconds = TIME_MAX + 1
    message = f"cosignature/v1\ntime {seconds}\n{TEXT}".encode()
    assert not witness.verifies(seconds.to_bytes(8, "big") + key.sign(message), TEXT)


@pytest.mark.parametrize("length", [0, 8, 64, 71, 73])
def test_a_cosignature_of_another_length_is_refused(length: int) -> None:
    """Eight bytes of time and 64 of signature."""
    signature = changed(cosign(TEXT, NAME, key, SECONDS), bytes(length))
    assert not witness.verifies(signature.data, TEXT)
    with pytest.raises(MalformedNote):
        cosigned_at(signature)


@pytest.mark.parametrize("text", ["hello\n", "", TEXT[:-1], TEXT.replace("20852163", "07")])
def test_only_checkpoints_are_cosigned(text: str) -> None:
    """And only of checkpoints does a cosignature verify."""
    with pytest.raises(MalformedCheckpoint):
        cosign(text, NAME, key, SECONDS)
    message = f"cosignature/v1\ntime {SECONDS}\n{text}".encode()
    assert not witness.verifies(SECONDS.to_bytes(8, "big") + key.sign(message), text)


def test_a_witness_without_a_usable_name_does_not_sign() -> None:
    """Its lines could not be read."""
    with pytest.raises(AssertionError):
        cosign(TEXT, "two words", key, SECONDS)
