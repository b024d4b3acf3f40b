"""The consumer credit registry: confirmed fraud shared without a blacklist.

Platforms report confirmed incidents under identity tokens nobody can reverse,
others ask before approving a refund and get an explained score, every person
sees their record and who looked, and regulators audit with proofs.

The rooms, in their order of imports (downwards only), are in ARCHITECTURE.md.
"""

__version__ = "0.1.0"
