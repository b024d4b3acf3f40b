"""Another's log, held in memory: tiles, checkpoints and proofs of any size it has had."""

from dataclasses import dataclass, field

from registry.crypto import note
from registry.crypto.checkpoint import Checkpoint
from registry.crypto.merkle import EMPTY_ROOT, leaf_hash
from registry.crypto.note import VerifierKey
from registry.crypto.signature import PrivateKey
from registry.crypto.tiles import RightEdge, TiledTree, TileMissing, grow


@dataclass(kw_only=True)
class PeerLog:
    """A log of made-up entries; two with another `flavour` are two histories."""

    origin: str
    flavour: str = ""
    key: PrivateKey = field(default_factory=PrivateKey.generate)
    edge: RightEdge = field(default_factory=RightEdge)
    tiles: dict[tuple[int, int], bytes] = field(default_factory=dict)

    @property
    def verifier(self) -> VerifierKey:
        return VerifierKey(name=self.origin, public_key=self.key.public)

    def tile(self, level: int, index: int, width: int) -> bytes:
        data = self.tiles.get((level, index), b"")[: width * 32]
        if len(data) < width * 32:
            raise TileMissing
        return data

    def grow_to(self, size: int) -> None:
        entries = [f"{self.flavour}{n}".encode() for n in range(self.edge.size, size)]
        growth = grow(self.edge, [leaf_hash(entry) for entry in entries])
        self.tiles |= {(place.level, place.index): data for place, data in growth.tiles.items()}
        self.edge = growth.edge

    def checkpoint(self, size: int) -> Checkpoint:
        self.grow_to(max(size, self.edge.size))
        root = TiledTree(self, size).root() if size else EMPTY_ROOT
        return Checkpoint(origin=self.origin, size=size, root=root)

    def signed(self, size: int, key: PrivateKey | None = None) -> bytes:
        text = self.checkpoint(size).to_text()
        signature = note.sign(text, self.origin, key or self.key)
        return note.Note(text=text, signatures=(signature,)).to_bytes()

    def proof(self, old_size: int, size: int) -> tuple[bytes, ...]:
        self.grow_to(max(size, self.edge.size))
        return TiledTree(self, size).consistency_proof(old_size) if old_size else ()

    def submission(self, old_size: int, size: int) -> bytes:
        """The body of add-checkpoint."""
        return submission(old_size, self.proof(old_size, size), self.signed(size))


def submission(old_size: int, proof: tuple[bytes, ...], signed: bytes) -> bytes:
    """A body of add-checkpoint of these parts."""
    lines = [f"old {old_size}", *map(note.encode_base64, proof), "", ""]
    return "\n".join(lines).encode() + signed
