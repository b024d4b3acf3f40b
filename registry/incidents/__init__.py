"""Incidents: confirmed acts, filed with proof, and what they add up to for a subject.

Promises: a filing meets all five proofs or leaves nothing; it touches no score
before the notice has run; a subject's standing changes in the same transaction
as the incident; a withdrawal restores it exactly; every change is a log entry.
Never: keeps an identity token; shows one furnisher another's incidents.

    report -> proof -> incident + identities -> standings -> log entry -> receipt
    amend, withdraw: the same way, under If-Match

Sources: RULEBOOK 1 to 3; Credit Reporting Regulation art. 15; PIPL art. 24.
"""
