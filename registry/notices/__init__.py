"""Notices: members and subjects are told, and what was told is known.

Promises: what is to be told is written in the transaction that caused it; it is delivered
at least once, signed, and again until it is taken or given up, on the record; who was
answered with what is corrected is told, and held to answering.
Never: sends from inside a transaction; holds more of a person than it must tell them;
follows an address a member gave to where only this node could go.

    service --> delivering --> outside     webhooks: signed, bounded, nothing inside reached
    letters --> mail                       contacts sealed; else the furnisher as messenger
    corrections --> certificates           recall, acknowledgement, escalation
    adverse_action                         what who was refused something is told

Sources: RULEBOOK 3; Standard Webhooks 1.0.0; docs/protocol.md, section 10.
"""
