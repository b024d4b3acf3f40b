"""Cosignatures: a witness says that, at a time, a log's largest tree had this root.

    signed:  cosignature/v1 <newline> time <seconds> <newline> text of the checkpoint
    data:    u64 seconds ‖ 64-byte Ed25519 signature

The witness's key cosigns under one name only: the signed text does not say whose
it is. What else the key signs must not begin as a cosigned text does.
Source: C2SP tlog-cosignature, the Ed25519 kind (type 04).
"""

from dataclasses import dataclass

from registry.crypto import checkpoint
from registry.crypto.note import (
    MalformedNote,
    Signature,
    SignatureType,
    is_name,
    key_id,
    parse_vkey,
    vkey,
)
from registry.crypto.signature import Algorithm, PrivateKey, PublicKey

TIME_MAX = 2**63 - 1

_TIME_BYTES = 8
_SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessKey:
    """An Ed25519 key that cosigns checkpoints: a verifier for `note.verify`."""

    name: str
    public_key: PublicKey

    @property
    def key_id(self) -> bytes:
        """The four bytes that name the key beside its name."""
        return key_id(self.name, self.public_key.raw, SignatureType.COSIGNATURE)

    def verifies(self, data: bytes, text: str) -> bool:
        """Whether `data` is the key's cosignature of the checkpoint `text`.

        The time it was made at is part of it; how old is too old is for the caller.
        """
        if len(data) != _TIME_BYTES + _SIGNATURE_BYTES:
            return False
        seconds = int.from_bytes(data[:_TIME_BYTES], "big")
        if seconds > TIME_MAX or not _is_checkpoint(text):
            return False
        return self.public_key.verifies(data[_TIME_BYTES:], _signed_bytes(text, seconds))

    def to_vkey(self) -> str:
        """The key as verifiers configure it."""
        return vkey(self.name, self.public_key.raw, SignatureType.COSIGNATURE)

    @staticmethod
    def from_vkey(text: str) -> "WitnessKey":
        """The key of its `to_vkey`.

        Raises: MalformedVerifierKey.
        """
        name, public_key = parse_vkey(text, SignatureType.COSIGNATURE)
        return WitnessKey(name=name, public_key=public_key)


def cosign(text: str, name: str, key: PrivateKey, seconds: int) -> Signature:
    """The cosignature of the checkpoint `text` at `seconds` since 1970.

    The caller has verified that the log signed it, that it continues what was
    cosigned last, and has stored it: a witness that forgets cosigns a fork.

    Raises: MalformedCheckpoint.
    """
    assert key.algorithm is Algorithm.EDDSA
    assert is_name(name), "the vkey of the key would not parse"
    assert 0 <= seconds <= TIME_MAX
    checkpoint.parse(text)
    data = seconds.to_bytes(_TIME_BYTES, "big") + key.sign(_signed_bytes(text, seconds))
    return Signature(
        name=name,
        key_id=key_id(name, key.public.raw, SignatureType.COSIGNATURE),
        data=data,
    )


def cosigned_at(signature: Signature) -> int:
    """The seconds since 1970 in a cosignature that has verified.

    Raises: MalformedNote when it has not the length of one.
    """
    if len(signature.data) != _TIME_BYTES + _SIGNATURE_BYTES:
        raise MalformedNote("not an Ed25519 cosignature")
    return int.from_bytes(signature.data[:_TIME_BYTES], "big")


def _is_checkpoint(text: str) -> bool:
    try:
        checkpoint.parse(text)
    except checkpoint.MalformedCheckpoint:
        return False
    return True


def _signed_bytes(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()
