"""The lean door: the hot paths without Flask, everything else handed to it.

Promises: the same contract, problems and bytes as through Flask; whatever has arrived is
answered with one SELECT and one INSERT.
Never: holds a rule, or a second form of one.

Sources: docs/performance.md.
"""
