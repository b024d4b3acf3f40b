"""The lean door: an ASGI application for the calls a refund waits for.

Promises: the same rules, services and answers as the Flask application, which it
hands every other call to, and whatever of its own calls is not plain; an answer
leaves only after its entry is on disk; what has arrived is answered together, each
call for itself.
Never: holds a rule; waits for more to arrive; answers what it has not written.

    request -> signature, body   in the loop, nothing written yet; under Flask in its thread
            -> Gatherer          whatever has arrived, as soon as a slot is free
            -> LookupWork        in a thread: one transaction for the batch
            -> answer            or, for anything else, Bridge -> Flask in a thread

Sources: docs/decisions/0040 (the server), 0041 (gathering); ASGI 3.0; PEP 3333.
"""
