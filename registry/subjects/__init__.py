"""Subjects: a person's own door to what is known of them.

Promises: whoever proves an identifier sees all that is filed under it, who looked and why,
at any time and free of charge; every own view is an entry.
Never: says anything of an identifier that was not proven.

Sources: RULEBOOK 3; PIPL art. 44 to 48.
"""
