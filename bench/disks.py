"""Disks of another speed: the same one, on which every sync takes longer.

A small library (`bench/slow_fsync.c`) is built with the machine's C compiler and loaded
before the C library of the database and the server. The sync itself is done as ever.
"""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_SOURCE = Path(__file__).with_name("slow_fsync.c")


class NoCompiler(Exception):
    """There is no C compiler here: a slow disk cannot be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """How much longer a sync takes, and what programs find it by."""

    slower_milliseconds: int
    environment: Mapping[str, str]


AS_IT_IS = Disk(slower_milliseconds=0, environment={})


def slow_disk(place: Path, milliseconds: int) -> Disk:
    """A disk whose syncs take so much longer; the library is built at `place`.

    Raises: NoCompiler.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise NoCompiler
    library = place / "slow_fsync.so"
    if not library.exists():
        # PostgreSQL runs as somebody else, who must be able to read it.
        place.chmod(0o755)
        arguments = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(_SOURCE), "-ldl"]
        subprocess.run(arguments, check=True)
    return Disk(
        slower_milliseconds=milliseconds,
        environment={
            "LD_PRELOAD": str(library),
            "SLOW_FSYNC_MICROSECONDS": str(milliseconds * 1000),
        },
    )
