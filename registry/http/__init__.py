"""The JSON API's mechanisms: one door for every call, one form for every refusal.

Promises: a call is who it says it is, is made once, and leaves a whole
transaction or none; every error is a problem document with a page; bodies are
read strictly and within limits.
Never: knows a rule of any room above; lets an exception's text reach a caller.

    bytes -> signed_request (verify) -> signed (replay, transaction, idempotency)
          -> parsing + fields (schema) -> the room's view -> answer after commit

Sources: RFC 7515 and 7519 (JWS, JWT), RFC 9457 (problems), RFC 9110 (HTTP),
draft-ietf-httpapi-idempotency-key-header, draft-ietf-httpapi-ratelimit-headers,
W3C Trace Context.
"""
