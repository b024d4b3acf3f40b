"""Notices: members and subjects are told, and what was told is known.

Promises: what is to be told is written in the transaction that caused it; it is delivered
at least once, signed, and again until it is acknowledged or given up, on the record.
Never: sends from inside a transaction; holds more of a person than it must tell them.

Sources: RULEBOOK 3; Standard Webhooks.
"""
