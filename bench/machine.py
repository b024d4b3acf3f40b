"""What the figures were measured on."""

import os
import platform
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

_PACKAGES = (
    "flask",
    "flask-smorest",
    "marshmallow",
    "gunicorn",
    "sqlalchemy",
    "psycopg",
    "cryptography",
    "pyjwt",
)
_SYNCS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The facts without which figures mean nothing."""

    cores: int
    processor: str
    system: str
    python: str
    packages: dict[str, str]
    fsync_microseconds: float
    load_before: float


def machine_at(home: Path) -> Machine:
    """This machine; `fsync_microseconds` is of an appended page on the disk of `home`."""
    return Machine(
        cores=os.cpu_count() or 1,
        processor=_processor(),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        packages={name: version(name) for name in _PACKAGES},
        fsync_microseconds=round(_fsync_microseconds(home / "fsync"), 1),
        load_before=os.getloadavg()[0],
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _fsync_microseconds(path: Path) -> float:
    took = []
    with path.open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            file.write(bytes(8192))
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began) * 1e6)
    path.unlink()
    return median(took)
