"""A profile: which registry to ask, as which member, with which key."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from registry.client.problems import AnswerNotUnderstood
from registry.client.reading import Reader
from registry.kernel import strict_json

PROFILE_VARIABLE = "CCR_PROFILE"
PROFILE_BYTES_MAX = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a client needs to know to make calls; the key itself stays in its file."""

    origin: str
    member: str
    private_key_file: Path
    federation: str | None = None
    region: str = "CN"
    name: str | None = None


def read_profile(path: Path) -> Profile:
    """The profile in a JSON file; a relative key file is beside it.

    Raises: ValueError when the file is no profile, OSError.
    """
    data = path.read_bytes()
    if len(data) > PROFILE_BYTES_MAX:
        raise ValueError(f"{path} is too long for a profile")
    try:
        reader = Reader(strict_json.parse(data), str(path))
        return Profile(
            origin=reader.text("origin"),
            member=reader.text("member"),
            private_key_file=path.parent / reader.text("private_key_file"),
            federation=reader.maybe_text("federation"),
            region=reader.maybe_text("region") or "CN",
            name=reader.maybe_text("name"),
        )
    except (strict_json.MalformedJson, AnswerNotUnderstood) as error:
        raise ValueError(f"{path} is not a profile: {error}") from error


def profile_of_environment(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The file CCR_PROFILE names, if it is set."""
    name = environment.get(PROFILE_VARIABLE)
    return Path(name) if name else None
