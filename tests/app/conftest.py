"""The served nodes of the journeys, for what is promised of the whole application."""

from tests.journeys.conftest import member, node, served, tokens

__all__ = ["member", "node", "served", "tokens"]
