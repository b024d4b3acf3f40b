"""How far an import of a file is, kept beside the file."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import click


@dataclass(slots=True, kw_only=True)
class Checkpoint:
    """How far an import of a file is, as its own file says it."""

    path: Path
    source: str
    lines_sent: int = 0
    errors_bytes: int = 0
    filed: int = 0
    repeated: int = 0
    refused: int = 0
    # Sent and not seen to its end: the import, and the line of the file for each of its lines.
    pending: list[tuple[str, list[int]]] = field(default_factory=list)

    @classmethod
    def of(cls, path: Path, source: str) -> "Checkpoint":
        """The checkpoint beside a file; a fresh one when there is none.

        Raises: click.UsageError when it is of another content.
        """
        if not path.exists():
            return cls(path=path, source=source)
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            found = cls(path=path, **kept)
        except (ValueError, TypeError) as error:
            raise click.UsageError(
                f"{path} is not a checkpoint; delete it to begin anew"
            ) from error
        if found.source != source:
            raise click.UsageError(
                f"{path} is of another file, mapping, registry or member; delete it to begin anew"
            )
        return found

    def keep(self) -> None:
        """Writes it down, whole or not at all."""
        kept = {
            name: getattr(self, name)
            for name in (
                "source",
                "lines_sent",
                "errors_bytes",
                "filed",
                "repeated",
                "refused",
                "pending",
            )
        }
        draft = self.path.with_suffix(".tmp")
        with draft.open("w", encoding="utf-8") as file:
            json.dump(kept, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)
