"""What an evaluation costs without a door: libsodium's own part, and ours around it.

One thread of this process, one element a request as at the doors. `libsodium_once` makes
the calls into libsodium that one evaluation with its proof needs, and nothing else: no
hashing, no transcript, no check of ours. What ctypes adds (about 1 µs a call) is in it.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from ctypes import create_string_buffer

from bench.figures import Round, percentile
from bench.names import CORE
from registry.crypto import ristretto255, voprf
from registry.crypto.sodium import library

_ELEMENTS = 64


def prepared(name: str) -> tuple[Callable[[bytes], object], Sequence[bytes]]:
    """One evaluation of LIBSODIUM or of CORE, and elements to evaluate."""
    pair = voprf.generate_key_pair()
    elements = [voprf.blind(b"benchmark %d" % each).element for each in range(_ELEMENTS)]
    once = _core_once(pair) if name == CORE else _libsodium_once(pair)
    return once, elements


def evaluated_for(name: str, seconds: float) -> Round:
    """One round of LIBSODIUM or of CORE."""
    once, elements = prepared(name)
    took: list[float] = []
    processor, began = time.process_time(), time.perf_counter()
    until, at = began + seconds, began
    while at < until:
        once(elements[len(took) % _ELEMENTS])
        now = time.perf_counter()
        took.append(now - at)
        at = now
    processor = time.process_time() - processor
    ascending = sorted(took)
    return Round(
        requests=len(took),
        seconds=at - began,
        p50_milliseconds=percentile(ascending, 50) * 1000,
        p99_milliseconds=percentile(ascending, 99) * 1000,
        server_cpu_microseconds=processor / len(took) * 1e6,
        database_cpu_microseconds=0.0,
    )


def _core_once(pair: voprf.KeyPair) -> Callable[[bytes], object]:
    def once(element: bytes) -> object:
        return voprf.evaluate(pair, [element])

    return once


def _libsodium_once(pair: voprf.KeyPair) -> Callable[[bytes], object]:
    sodium, secret = library(), pair.secret
    weight, nonce = ristretto255.random_scalar(), ristretto255.random_scalar()
    uniform = secrets.token_bytes(ristretto255.UNIFORM_BYTES)
    evaluated, weighted, image, point = (
        create_string_buffer(ristretto255.ELEMENT_BYTES) for _ in range(4)
    )
    scalar = create_string_buffer(ristretto255.SCALAR_BYTES)

    def once(element: bytes) -> object:
        # RFC 9497 §2.2.1 for one element: three scalars are drawn or hashed (weight,
        # challenge, nonce), one of them checked; five products, of which one of the base.
        sodium.crypto_core_ristretto255_is_valid_point(element)
        sodium.crypto_scalarmult_ristretto255(evaluated, secret, element)
        for _ in range(4):
            sodium.crypto_core_ristretto255_scalar_reduce(scalar, uniform)
        sodium.crypto_scalarmult_ristretto255(weighted, weight, element)
        sodium.crypto_scalarmult_ristretto255(image, secret, weighted)
        sodium.crypto_scalarmult_ristretto255_base(point, nonce)
        sodium.crypto_scalarmult_ristretto255(point, nonce, weighted)
        sodium.crypto_core_ristretto255_scalar_mul(scalar, weight, secret)
        return sodium.crypto_core_ristretto255_scalar_sub(scalar, nonce, scalar)

    return once
