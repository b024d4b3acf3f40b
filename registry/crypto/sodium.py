"""libsodium through ctypes: the system's, else the one inside the `rbcl` wheel.

Found and initialised at the first use, never at import. Ristretto came with
version 1.0.18; an older or minimal build is passed over.

Calls keep the interpreter's lock: the longest takes 60 µs, and giving the lock
away four times in an evaluation lets any busy thread take 5 ms each time (31 ms
instead of 0.3 measured). More processors are used by more processes.
"""

import ctypes
import functools
import importlib
import warnings
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from registry.kernel.problems import Kind, Problem, Text

_SYSTEM_NAMES = (
    "libsodium.so.26",
    "libsodium.so.23",
    "libsodium.26.dylib",
    "libsodium.23.dylib",
    "libsodium.dll",
)

# How many pointers each function takes. All of them read and write buffers of
# fixed length, so the caller checks lengths before the call.
_POINTERS = MappingProxyType(
    {
        "crypto_core_ristretto255_is_valid_point": 1,
        "crypto_core_ristretto255_from_hash": 2,
        "crypto_core_ristretto255_add": 3,
        "crypto_core_ristretto255_scalar_reduce": 2,
        "crypto_core_ristretto255_scalar_invert": 2,
        "crypto_core_ristretto255_scalar_mul": 3,
        "crypto_core_ristretto255_scalar_sub": 3,
        "crypto_scalarmult_ristretto255": 3,
        "crypto_scalarmult_ristretto255_base": 2,
    }
)


class SodiumMissing(Problem):
    """No libsodium with ristretto255 could be loaded on this machine."""

    kind = Kind.FAULT
    title = Text(en="libsodium cannot be loaded", zh="无法加载 libsodium")
    advice = Text(
        en="The operator installs libsodium 1.0.18 or newer, or the rbcl wheel.",
        zh="请运营者安装 libsodium 1.0.18 或更高版本，或安装 rbcl 包。",
    )


@functools.cache
def library() -> ctypes.PyDLL:
    """The libsodium of this process, initialised and safe to use from any thread.

    Raises: SodiumMissing.
    """
    found = system_library() or bundled_library()
    if found is None:
        raise SodiumMissing
    return found


def system_library() -> ctypes.PyDLL | None:
    """The operating system's libsodium, or None where it has none with ristretto255."""
    for name in _SYSTEM_NAMES:
        with suppress(OSError):
            prepared = _prepare(ctypes.PyDLL(name))
            if prepared is not None:
                return prepared
    return None


def bundled_library() -> ctypes.PyDLL | None:
    """The libsodium inside the `rbcl` wheel, or None where that is not installed."""
    try:
        with warnings.catch_warnings():
            # The wheel leaves its temporary file open for the collector to close.
            warnings.simplefilter("ignore", ResourceWarning)
            bundled: Any = importlib.import_module("rbcl._sodium")
    except (ImportError, OSError):
        return None
    _remove_traces(bundled)
    return _prepare(ctypes.PyDLL(None, handle=bundled._sodium._handle))


def _remove_traces(bundled: Any) -> None:
    # The wheel writes the library to a temporary file at import and never
    # removes it; once loaded the file is not needed (Windows holds on to it).
    with suppress(OSError):
        Path(bundled.lib_path).unlink(missing_ok=True)
    bundled.sodium_bs = b""


def _prepare(candidate: ctypes.PyDLL) -> ctypes.PyDLL | None:
    if not all(hasattr(candidate, name) for name in _POINTERS):
        return None
    for name, pointers in _POINTERS.items():
        function = getattr(candidate, name)
        function.argtypes = [ctypes.c_char_p] * pointers
        function.restype = ctypes.c_int
    # The signature, the data and its length, the key.
    candidate.crypto_sign_ed25519_verify_detached.argtypes = [
        ctypes.c_char_p,
        ctypes.c_char_p,
        ctypes.c_ulonglong,
        ctypes.c_char_p,
    ]
    candidate.crypto_sign_ed25519_verify_detached.restype = ctypes.c_int
    # Where the signature and its length go, the data and its length, the secret key.
    candidate.crypto_sign_ed25519_detached.argtypes = [
        ctypes.c_char_p,
        ctypes.c_void_p,
        ctypes.c_char_p,
        ctypes.c_ulonglong,
        ctypes.c_char_p,
    ]
    candidate.crypto_sign_ed25519_detached.restype = ctypes.c_int
    # 1 means already initialised, which is as good.
    return candidate if candidate.sodium_init() in {0, 1} else None
