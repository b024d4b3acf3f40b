"""Checkpoints are read and written as C2SP tlog-checkpoint says, and verified for one log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.crypto import checkpoint, cosignature, note
from registry.crypto.checkpoint import Checkpoint, MalformedCheckpoint, NotThisLog
from registry.crypto.merkle import EMPTY_ROOT, SIZE_MAX
from registry.crypto.note import Note, SignatureNotValid, VerifierKey
from registry.crypto.signature import PrivateKey
from tests.crypto import c2sp

ORIGIN = "example.com/behind-the-sofa"
ROOT_TEXT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
TEXT = f"{ORIGIN}\n20852163\n{ROOT_TEXT}\n"
EMPTY_ROOT_TEXT = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

log_key = PrivateKey.from_seed(bytes(32))
log = VerifierKey(name=ORIGIN, public_key=log_key.public)
witness_key = PrivateKey.from_seed(bytes([1]) * 32)
witness = cosignature.WitnessKey(name="witness.example/w1", public_key=witness_key.public)


def signed(text: str, *signatures: note.Signature) -> Note:
    return Note(text=text, signatures=signatures or (note.sign(text, ORIGIN, log_key),))


def test_the_example_of_the_specification_is_read_and_written() -> None:
    """Origin, size and root."""
    read = checkpoint.parse(TEXT)
    root = bytes.fromhex("0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62")
    assert Checkpoint(origin=ORIGIN, size=20_852_163, root=root) == read
    assert TEXT == read.to_text()


def test_extension_lines_are_kept() -> None:
    """Opaque as they are."""
    text = TEXT + "one two\n—\n"
    assert ("one two", "—") == checkpoint.parse(text).extensions
    assert text == checkpoint.parse(text).to_text()


def test_an_origin_need_not_be_a_url() -> None:
    """Clients must not assume it; spaces and plus are allowed."""
    text = TEXT.replace(ORIGIN, "the log + behind the sofa")
    assert "the log + behind the sofa" == checkpoint.parse(text).origin


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        TEXT[:-1],
        TEXT + "\n",
        "\n" + TEXT,
        TEXT + "extension\n\n",
        TEXT + "extension",
        TEXT.replace(ORIGIN, ""),
        TEXT.replace(ORIGIN, "a" * 256),
        TEXT.replace(ORIGIN, "é" * 128),
        TEXT.replace("20852163\n", ""),
        *(
            TEXT.replace("20852163", size)
            for size in (
                "",
                "00",
                "020852163",
                "+1",
                "-1",
                "-0",
                "1.0",
                "1e3",
                "0x10",
                "1_000",
                " 1",
                "1 ",
                "٣",
                "²",
                str(SIZE_MAX + 1),
                "9" * 19,
                "1" * 20,
                "1" * 5000,
            )
        ),
        *(
            TEXT.replace(ROOT_TEXT, root)
            for root in (
                ROOT_TEXT[:-1],
                ROOT_TEXT + "=",
                ROOT_TEXT + " ",
                ROOT_TEXT.replace("+", "-").replace("/", "_"),
                ROOT_TEXT.replace("q2I=", "q2J="),
                "AAAA",
                "A" * 44,
                "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jx",
            )
        ),
        TEXT.replace("20852163", "0"),
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    """Three lines or more, none empty; a decimal; 32 bytes; the empty tree has its own root."""
    with pytest.raises(MalformedCheckpoint):
        checkpoint.parse(text)


def test_the_limits_themselves_are_read() -> None:
    """The empty tree, the largest size, the longest origin."""
    empty = checkpoint.parse(f"{ORIGIN}\n0\n{EMPTY_ROOT_TEXT}\n")
    assert (0, EMPTY_ROOT) == (empty.size, empty.root)
    assert SIZE_MAX == checkpoint.parse(TEXT.replace("20852163", str(SIZE_MAX))).size
    assert 255 == len(checkpoint.parse(TEXT.replace(ORIGIN, "a" * 255)).origin)


@given(st.integers(1, SIZE_MAX), st.binary(min_size=32, max_size=32))
def test_any_checkpoint_survives_its_text(size: int, root: bytes) -> None:
    """parse is the inverse of to_text."""
    made = Checkpoint(origin=ORIGIN, size=size, root=root)
    assert made == checkpoint.parse(made.to_text())


@pytest.mark.parametrize(
    "made",
    [
        Checkpoint(origin="", size=1, root=bytes(32)),
        Checkpoint(origin="a\nb", size=1, root=bytes(32)),
        Checkpoint(origin="a", size=0, root=bytes(32)),
        Checkpoint(origin="a", size=1, root=bytes(31)),
        Checkpoint(origin="a", size=1, root=bytes(32), extensions=("",)),
    ],
)
def test_what_could_not_be_read_is_not_written(made: Checkpoint) -> None:
    """A log never signs it."""
    with pytest.raises((AssertionError, MalformedCheckpoint)):
        made.to_text()


def test_a_checkpoint_its_log_signed_is_verified() -> None:
    """With the cosignatures of the witnesses one knows."""
    note_signed = signed(TEXT).with_signatures(
        [cosignature.cosign(TEXT, witness.name, witness_key, 1_679_315_147)]
    )
    alone = checkpoint.verify(note_signed, origin=ORIGIN, log_keys=[log])
    assert 20_852_163 == alone.checkpoint.size
    assert (1, 1) == (len(alone.note.verified), len(alone.note.unknown))
    both = checkpoint.verify(note_signed, origin=ORIGIN, log_keys=[log], witnesses=[witness])
    assert (2, 0) == (len(both.note.verified), len(both.note.unknown))


def test_a_checkpoint_of_another_log_is_refused() -> None:
    """Even when the same key signed it."""
    other = TEXT.replace("behind-the-sofa", "under-the-bed")
    with pytest.raises(NotThisLog):
        checkpoint.verify(signed(other), origin=ORIGIN, log_keys=[log])


def test_a_checkpoint_only_strangers_or_witnesses_signed_is_refused() -> None:
    """A witness cannot speak for a log."""
    cosigned = cosignature.cosign(TEXT, witness.name, witness_key, 1)
    for signature in (note.sign(TEXT, ORIGIN, witness_key), cosigned):
        with pytest.raises(NotThisLog):
            checkpoint.verify(
                signed(TEXT, signature), origin=ORIGIN, log_keys=[log], witnesses=[witness]
            )


def test_a_changed_checkpoint_is_refused() -> None:
    """Whatever line changed, and what was added."""
    signature = note.sign(TEXT, ORIGIN, log_key)
    for changed in (TEXT.replace("20852163", "20852164"), TEXT + "extension\n"):
        with pytest.raises(SignatureNotValid):
            checkpoint.verify(signed(changed, signature), origin=ORIGIN, log_keys=[log])


def test_a_signed_text_that_is_no_checkpoint_is_refused() -> None:
    """The signature alone says nothing about its shape."""
    with pytest.raises(MalformedCheckpoint):
        checkpoint.verify(signed("hello\n"), origin=ORIGIN, log_keys=[log])


def test_a_checkpoint_of_a_live_log_verifies() -> None:
    """A Certificate Transparency log, six signatures of three kinds; by its key and a witness's."""
    read = note.parse(c2sp.LIVE_CHECKPOINT)
    assert c2sp.LIVE_CHECKPOINT == read.to_bytes()
    verified = checkpoint.verify(
        read,
        origin=c2sp.LIVE_ORIGIN,
        log_keys=[VerifierKey.from_vkey(c2sp.LIVE_LOG)],
        witnesses=[cosignature.WitnessKey.from_vkey(c2sp.LIVE_WITNESS)],
    )
    assert 1_432_088_532 == verified.checkpoint.size
    assert (2, 4) == (len(verified.note.verified), len(verified.note.unknown))
