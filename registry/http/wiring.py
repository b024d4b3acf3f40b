"""Hands the assembled services to the views, by their class.

Only `api.py` files ask; services get what they need from their constructor.
"""

from typing import TypeVar

from flask import Flask, current_app

_EXTENSION = "registry.services"

Service = TypeVar("Service")


def provide(app: Flask, *services: object) -> None:
    """Makes each service available to the views of `app`, one of each class."""
    known = app.extensions.setdefault(_EXTENSION, {})
    for service in services:
        assert type(service) not in known, f"{type(service).__name__} is provided twice"
        known[type(service)] = service


def the(kind: type[Service]) -> Service:
    """The one service of this class."""
    return service_of(current_app, kind)


def service_of(app: Flask, kind: type[Service]) -> Service:
    """The one service of this class that `app` was assembled with."""
    service = app.extensions[_EXTENSION][kind]
    assert isinstance(service, kind)
    return service
