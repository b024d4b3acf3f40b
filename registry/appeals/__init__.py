"""Appeals: contested at once flagged, in time decided, else removed.

Promises: every time limit is computed by the edition's calendar, stored, shown and
enforced; silence removes; what is said and shown is sealed, and gone with the incident;
every ruling is an entry.
Never: leaves an incident disputed for ever; upholds one unheard; shows a person what
is said of somebody who held their number before.

    subject -> draft -> lodged -> playbook -> relayed -> answered -> decided -> second tier
                           '------ every limit: met, or the deadline job acts -----'

Sources: RULEBOOK 3 and 6; Credit Reporting Regulation art. 25; FCRA 605B, 611.
"""
