"""Several acts at once, for tests of races: whoever is stuck is named, and waited for no longer."""

import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from typing import Any

DONE_SECONDS_MAX = 120.0


def together(
    acts: Sequence[Callable[[], Any]], *, seconds_max: float = DONE_SECONDS_MAX
) -> list[Any]:
    """What each act gives, all begun at the same moment; what one raises is raised here.

    Raises: AssertionError when some have not ended by then, with where each of them is.
    """
    start = threading.Barrier(len(acts))
    ends: list[Future[Any]] = [Future() for _ in acts]

    def run(act: Callable[[], Any], end: Future[Any]) -> None:
        try:
            start.wait(seconds_max)
            end.set_result(act())
        except Exception as error:  # noqa: BLE001 # raised again where it is waited for
            end.set_exception(error)

    # Daemons, and no executor: both it and the interpreter's end would wait for the stuck.
    threads = [
        threading.Thread(target=run, args=each, daemon=True)
        for each in zip(acts, ends, strict=True)
    ]
    for thread in threads:
        thread.start()
    wait(ends, seconds_max)
    stuck = [thread for thread, end in zip(threads, ends, strict=True) if not end.done()]
    frames = sys._current_frames()
    places = [
        "".join(traceback.format_stack(frames[thread.ident]))
        for thread in stuck
        if thread.ident in frames
    ]
    assert not stuck, f"{len(stuck)} of {len(acts)} not done:\n" + "\n".join(places)
    return [each.result() for each in ends]
