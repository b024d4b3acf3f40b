"""Lookups: what a platform asks before a refund, and what it did afterwards.

Promises: no answer leaves before its access entry is on disk; a refused lookup
stands in the log too; the answer is advice with its reasons, never a verdict.
Never: finds a person by anything but identity tokens; costs anyone a point.

    request -> permit -> standings (one SELECT) -> score
            -> access entries (one INSERT) -> commit -> answer with receipt

Sources: RULEBOOK 4, 5 and 7; PIPL art. 24; GDPR art. 22; CJEU C-634/21.
"""
