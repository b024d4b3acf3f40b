"""What of an entry lies sealed in the database: whom it is about, and the request behind it.

A request's digest of its body (`bsh`) covers identity tokens: with the database
alone nobody may try guesses against it. Rows from before requests were sealed
hold them in clear and are read as well.
"""

from uuid import UUID

from registry.crypto.sealing import BatchSealer, SealBroken, Sealer
from registry.kernel import base64url

# No signed request begins like this: it begins with the base64url of a brace.
_SEALED = "sealed:"


def seal_context(uuid: UUID) -> bytes:
    """What the sealed subject of an entry is bound to: moved to another row it does not open."""
    return b"ccr-ledger-subject-v1\x00" + uuid.bytes


def seal_request(sealer: Sealer | BatchSealer, uuid: UUID, request: str | None) -> str | None:
    """The signed request of the entry `uuid` as it is stored."""
    if request is None:
        return None
    return _SEALED + base64url.encode(sealer.seal(request.encode("ascii"), _request_context(uuid)))


def open_request(sealer: Sealer, uuid: UUID, stored: str | None) -> str | None:
    """The signed request that was stored with the entry `uuid`.

    Raises: SealBroken.
    """
    if stored is None or not stored.startswith(_SEALED):
        return stored
    try:
        sealed = base64url.decode(stored.removeprefix(_SEALED))
    except ValueError as error:
        raise SealBroken from error
    return sealer.open(sealed, _request_context(uuid)).decode("ascii")


def _request_context(uuid: UUID) -> bytes:
    return b"ccr-ledger-request-v1\x00" + uuid.bytes
