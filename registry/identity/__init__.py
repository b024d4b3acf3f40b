"""Identity: from an identifier to tokens nobody can turn back into it.

Promises: one identifier has one canonical form and one token; this node's key
share never leaves its sealed file; every evaluation counts against a quota and
comes with a proof; the database holds no token and no seed in clear.
Never: receives an identifier over the wire; logs a token; evaluates unmetered.

    client  normalise ──▶ blind ─┐              ┌─▶ finalise ──▶ token
    node               evaluations (keyring, quota)
    node    token ──▶ protection ──▶ lookup key and sealed seed, at rest

Doors: POST /v1/evaluations. Sources: RFC 9497, ITU-T E.164, RFC 5321, RFC 5891
with UTS 46, GB 11643, ISO 13616, EMVCo PAR, docs/protocol.md section 2.
"""
