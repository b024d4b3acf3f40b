"""RFC 6962: the numbers its implementations share, and its definitions word for word.

The numbers are those of the Certificate Transparency reference implementation
(transparency-dev/merkle, testonly/constants.go). `root`, `path` and `proof` are
MTH, PATH and PROOF of §2.1 as they are written there: slow, and an oracle.
"""

from functools import cache

from registry.crypto.merkle import leaf_hash, node_hash

# The entries of the tree of eight, and of all smaller ones.
ENTRIES = tuple(
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
)
EMPTY_ROOT = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
# By the leaves [low, high) a node is above: the leaves, then the complete subtrees.
NODES = {
    (0, 1): "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    (1, 2): "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    (2, 3): "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
    (3, 4): "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7",
    (4, 5): "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    (5, 6): "4271a26be0d8a84f0bd54c8c302e7cb3a3b5d1fa6780a40bcce2873477dab658",
    (6, 7): "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
    (7, 8): "46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1",
    (0, 2): "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    (2, 4): "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    (4, 6): "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    (6, 8): "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    (0, 4): "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    (4, 8): "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
}
# By size, from 1.
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
# (index, size) → the nodes of the proof, from the leaf's sibling upwards.
INCLUSION = {
    (0, 1): (),
    (0, 8): ((1, 2), (2, 4), (4, 8)),
    (5, 8): ((4, 5), (6, 8), (0, 4)),
    (2, 3): ((0, 2),),
    (1, 5): ((0, 1), (2, 4), (4, 5)),
}
# (old size, new size) → the nodes of the proof.
CONSISTENCY = {
    (1, 1): (),
    (1, 8): ((1, 2), (2, 4), (4, 8)),
    (6, 8): ((4, 6), (6, 8), (0, 4)),
    (2, 5): ((2, 4), (4, 5)),
    (6, 7): ((4, 6), (6, 7), (0, 4)),
}


def hashes(ranges: tuple[tuple[int, int], ...]) -> tuple[bytes, ...]:
    """The numbers above, of these nodes."""
    return tuple(bytes.fromhex(NODES[each]) for each in ranges)


def entry(index: int) -> bytes:
    """The entry at `index` of the endless log that the oracle is about."""
    return f"entry {index}".encode()


@cache
def root(low: int, high: int) -> bytes:
    """MTH(D[low:high]) of that log, at least one leaf."""
    if high - low == 1:
        return leaf_hash(entry(low))
    k = _k(high - low)
    return node_hash(root(low, low + k), root(low + k, high))


def path(m: int, low: int, high: int) -> tuple[bytes, ...]:
    """PATH(m, D[low:high])."""
    if high - low == 1:
        return ()
    k = _k(high - low)
    if m < k:
        return (*path(m, low, low + k), root(low + k, high))
    return (*path(m - k, low + k, high), root(low, low + k))


def proof(m: int, n: int) -> tuple[bytes, ...]:
    """PROOF(m, D[n])."""
    return _subproof(m, 0, n, known=True)


def _subproof(m: int, low: int, high: int, *, known: bool) -> tuple[bytes, ...]:
    if m == high - low:
        return () if known else (root(low, high),)
    k = _k(high - low)
    if m <= k:
        return (*_subproof(m, low, low + k, known=known), root(low + k, high))
    return (*_subproof(m - k, low + k, high, known=False), root(low, low + k))


def _k(n: int) -> int:
    k = 1
    while 2 * k < n:
        k *= 2
    return k
