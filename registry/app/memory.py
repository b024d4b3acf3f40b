"""How a process that lives long asks the system for memory."""

import ctypes

# Source: glibc's malloc.h, mallopt(3).
_M_ARENA_MAX = -8
ARENAS_MAX = 2


def keep_memory_together() -> None:
    """Has all threads of this process, and of those it forks, share a few areas of memory.

    glibc gives up to eight areas to each processor, and what one thread has let go of in
    its own no other uses: with the threads of a server that is some 20 MiB a worker. Only
    who works outside Python's lock can be in another's way there. Does nothing where the
    C library is another.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, ARENAS_MAX)
