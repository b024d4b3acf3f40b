"""The ledger: two append-only logs of what was said about people, and who asked.

Promises: an entry is on disk before anyone is answered; it commits to who, why,
when and whom without showing it; its receipt lets the member prove later that
it was taken in.
Never: changes or deletes an entry (the database itself refuses); shows an
opening to anyone but the member that made the entry; keeps whom an entry is
about in clear.

    Draft -> service.append -> pending_entries (92 bytes), log_payloads (sealed)
                  |-> receipt (JWS)          '-> opening -> api

Sources: docs/protocol.md, section 6; RFC 6962 (leaf hashes), RFC 8785
(canonical JSON), RFC 7515 (JWS).
"""
