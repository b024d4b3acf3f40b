"""The hashes of a Merkle tree of log entries. Source: RFC 6962 §2.1."""

import hashlib

_LEAF_PREFIX = b"\x00"


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(00 ‖ entry): the leaf of an entry, never the hash of an inner node."""
    return hashlib.sha256(_LEAF_PREFIX + entry).digest()
