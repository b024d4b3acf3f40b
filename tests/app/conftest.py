"""The served nodes of the journeys, for what is promised of the whole application."""

from tests.journeys.conftest import served

__all__ = ["served"]
