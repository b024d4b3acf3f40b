"""The kernel: values every room speaks in.

Promises: identifiers sort by time, instants are aware UTC, JSON has one byte
form, what a caller can act on is a `Problem`.
Never: opens a file, a socket or a database; knows HTTP.

    problems  ids  clock  canonical  strict_json  base64url  money  paging  collection

Sources: RFC 9562 (UUIDv7), RFC 3339, RFC 8785 (canonical JSON), RFC 4648 §5.
"""
