"""What tests of races stand on."""

import threading

import pytest

from tests.together import together


def test_a_stuck_act_is_named_and_not_waited_for() -> None:
    """The others' ends do not hide it, and it keeps neither the test nor the process."""
    never = threading.Event()

    def stuck() -> None:
        never.wait()

    with pytest.raises(AssertionError, match=r"1 of 2 not done:(.|\n)*in stuck"):
        together([lambda: 1, stuck], seconds_max=0.2)
    never.set()


def test_what_each_gives_comes_in_their_order() -> None:
    """And what one raises is raised."""
    assert [1, 2, 3] == together([lambda: 1, lambda: 2, lambda: 3])
    with pytest.raises(ZeroDivisionError):
        together([lambda: 1, lambda: 1 // 0])
