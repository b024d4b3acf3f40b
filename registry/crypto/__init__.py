"""The cryptography: one standard a file, checked against its official numbers.

Promises: what it verifies was made by the holder of the key; what it refuses,
it refuses before computing with it; secrets come from the system's generator.
Never: knows a room, a table or HTTP; invents a primitive.

    sodium -> ristretto255 -> hash_to_group -> voprf -> identity_token
    signature (JWS)   keyed_hash, sealing, keyfile (secrets at rest)
    merkle -> tiles   signature -> note -> checkpoint -> cosignature -> tlog_proof (logs)

Sources: RFC 9496 (ristretto255), RFC 9380 (hash to group), RFC 9497 (VOPRF),
RFC 7515, 7517, 7638 and 8037 (JWS, JWK), NIST SP 800-38D (GCM), RFC 2104 (HMAC),
RFC 6962 and RFC 9162 (Merkle tree and its proofs), C2SP signed-note, tlog-tiles,
tlog-checkpoint, tlog-cosignature and tlog-proof.
"""
