"""The search for cycles is put off for bounded work, and comes back."""

import gc

import pytest

from registry.kernel.collection import without_collection


def test_it_comes_back_after_the_last() -> None:
    """One inside another, as two threads would have it."""
    assert gc.isenabled()
    with without_collection():
        with without_collection():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_comes_back_after_an_error() -> None:
    """Whatever ends the work."""
    with pytest.raises(ZeroDivisionError), without_collection():
        _ = 1 / 0
    assert gc.isenabled()


def test_whoever_had_turned_it_off_keeps_it_off() -> None:
    """It is turned on again only where it was on."""
    gc.disable()
    try:
        with without_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
