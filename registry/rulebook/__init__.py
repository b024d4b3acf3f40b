"""The rulebook: the numbers and lists a lawyer, a regulator or a consumer cares about.

Promises: they are data, one versioned TOML file per edition, checked whole when
the program starts; a filing is told everything it lacks at once; days are
counted in the edition's own zone.
Never: asks a clock, opens the database, decides about a person.

    editions/*.toml -> editions (load, check) -> model (Edition)
                                   calendar (days, months, working days)
                                   filing -> proof (the five proofs)

Sources: RULEBOOK (docs/rulebook.md); Credit Reporting Regulation art. 14–16, 25;
PIPL 24, 28–31; Cifas four pillars; FCRA 605B, 611.
"""
