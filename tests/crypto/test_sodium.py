"""Either libsodium, the system's or the wheel's, computes the same and leaves nothing."""

import subprocess
import sys
from pathlib import Path

from registry.crypto import sodium
from tests.crypto import rfc9496

# Run in a process of its own: the wheel can be imported only once in each.
BUNDLED = """
import ctypes, sys
from registry.crypto import sodium
library = sodium.bundled_library()
data, expected = (bytes.fromhex(argument) for argument in sys.argv[1:])
result = ctypes.create_string_buffer(32)
library.crypto_core_ristretto255_from_hash(result, data)
assert expected == result.raw
"""


def test_the_bundled_library_works_and_removes_its_file(tmp_path: Path) -> None:
    """The wheel's libsodium gives the RFC's element; its temporary file is gone."""
    data, expected = rfc9496.FROM_UNIFORM[0]
    subprocess.run(
        [sys.executable, "-W", "error", "-c", BUNDLED, data, expected],
        check=True,
        env={"TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(sodium.__file__).parents[2])},
    )
    assert [] == list(tmp_path.iterdir())


def test_the_library_is_loaded_once() -> None:
    """Every caller gets the same initialised library."""
    assert sodium.library() is sodium.library()
