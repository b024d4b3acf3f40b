"""Jobs: work that is promised in a transaction and done after it, once.

Promises: a job is written in the transaction that needs it, or not at all; the effect of a
step and its end are committed together, so that it happens once whoever is killed when; what
fails is tried again, later each time, and set aside as a dead letter in the end; no kind of
work keeps another waiting, however much of it there is.
Never: knows what a job does (the rooms bring that, the app registers it); keeps what is done.

    enqueue --> jobs (a row while it waits) --> Worker: claim -> run -> end, or try again
                  |  deduplication key: one live row                       '--> dead letter
                  '  periodic: a row that renews itself

Sources: docs/operating.md (jobs); docs/decisions/0037-jobs-in-the-database.md.
"""
