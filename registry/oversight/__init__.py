"""Oversight: supervisors see every access, and are seen seeing.

Promises: every search, view, sample and export is an entry of the access log in the
same transaction, so that no answer leaves before it; a sample can be drawn again by
anyone; content is erased when its time has come, and nothing that is held.
Never: shows whom a lookup was about unless that very entry is opened; decides.

    supervisor -> api -> searches, samples, reconciliation, flags, exports
                           '-> index (filled after the sequencer) -> ledger.contents
    retention  -> ledger.erasure + incidents.removal + lookups, in bounded batches

Sources: RULEBOOK 3; docs/protocol.md, section 6; OCSF 1.3 (class 6003), CloudEvents 1.0.
"""
