"""Subjects: a person's own door to what is known of them.

Promises: whoever proves an identifier sees all that is filed under it, who looked and why,
at any time and free of charge; every own view is an entry; nothing is evaluated for an
identifier that was not proven.
Never: says anything of an identifier that was not proven; keeps one; costs a point.

    sign-in -> code to the identifier -> proof (code, blind) -> session
    vouch of a member ---------------------------------------^    |
                                     @own: record, history, statement, freeze, appeal

Sources: RULEBOOK 3; PIPL art. 44 to 48; Credit Reporting Regulation art. 17;
docs/protocol.md section 9.
"""
