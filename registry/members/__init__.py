"""Members: who may take part, with which keys, for which purposes, how reliably.

Promises: a key is registered only by whoever holds it; a revoked key or a
suspended member is refused everywhere from the next request on; every change
stands in the incidents log.
Never: sees a private key; grants more than a role allows; removes a member or a
key (both are suspended or revoked, and stay to be answered for).

    cli, api -> service.Members -> store (members, member_keys)
                     |-> ledger (every change)
                     '-> directory_version -> directory.Directory (in memory)

Sources: docs/protocol.md, section 1; RFC 7638 (kid); RFC 7515 (key proof).
"""
