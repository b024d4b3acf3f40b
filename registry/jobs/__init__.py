"""Jobs: work that is promised in a transaction and done after it, once.

Promises: a job is written in the transaction that needs it, or not at all; its effect and
its end are committed together; a worker that dies leaves it to the next.
Never: knows what a job does; the rooms bring that, the app registers it.

Sources: docs/operating.md.
"""
