"""The score: a standing, an edition and an instant in; a band, a number and its reasons out.

Promises: exact to the point and the same for everyone who holds the inputs; an
incident more never raises it, one less never lowers it; no reporter group takes
more than its share; a subject of whom nothing counts has no number at all.
Never: asks a clock, a database or a network; looks at a person, a friend, a
purse or a lookup.

    Standing ──> model.assess ──> Assessment
                   │  corroboration   how much each event costs, group by group
                   │  reasons         whole points that add up, texts
    what_if        without X, on date D, the next band and when
    explain        the same from a JSON document, offline

Sources: RULEBOOK 4; FCRA 609(f) (key factors, at most four).
"""
