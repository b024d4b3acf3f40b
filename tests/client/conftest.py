"""A small registry, a clock in the hand, and a client of both."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from joserfc.errors import SecurityWarning
from joserfc.jwk import OKPKey

from registry.client import Registry, Retries
from registry.crypto.signature import PrivateKey
from tests.client.hand_timer import HandTimer
from tests.client.little_registry import LittleRegistry, running


@pytest.fixture
def timer() -> HandTimer:
    return HandTimer()


@pytest.fixture
def server(timer: HandTimer) -> Iterator[LittleRegistry]:
    # joserfc warns of the algorithm's old name, which the protocol uses.
    warnings.simplefilter("ignore", SecurityWarning)
    with running(timer.now) as registry:
        yield registry


@pytest.fixture
def key(server: LittleRegistry) -> PrivateKey:
    """The member's key, which the server knows."""
    made = PrivateKey.generate()
    server.kid = made.public.kid
    server.member_key = OKPKey.import_key(made.public.to_jwk())
    return made


@pytest.fixture
def connect(
    server: LittleRegistry, key: PrivateKey, timer: HandTimer
) -> Iterator[Callable[..., Registry]]:
    """Makes clients of the server; pauses between tries are their upper bounds."""
    made: list[Registry] = []

    def connect(**settings: Any) -> Registry:
        settings = {"timer": timer, "retries": Retries(draw=lambda bound: bound)} | settings
        made.append(Registry(server.origin, server.member, key, **settings))
        return made[-1]

    yield connect
    for registry in made:
        registry.close()


@pytest.fixture
def registry(connect: Callable[..., Registry]) -> Registry:
    return connect()
