"""Appeals: contested at once flagged, in time decided, else removed.

Promises: every time limit is computed by the edition's calendar, stored, shown and enforced;
silence removes.
Never: leaves an incident disputed for ever.

Sources: RULEBOOK 3 and 6; Credit Reporting Regulation art. 25.
"""
