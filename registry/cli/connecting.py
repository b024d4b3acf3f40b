"""Which registry a command speaks to, and as whom."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from registry.client.profile import (
    PROFILE_VARIABLE,
    Profile,
    profile_of_environment,
    read_profile,
)
from registry.client.registry import Registry

Command = TypeVar("Command", bound=Callable[..., Any])

DEMO_PROFILES = Path("var/demo/profiles")


def connects(command: Command) -> Command:
    """Gives a command the options that name a registry, and it as first argument.

    In this order: --origin, --member and --key; --as among the members of the
    demo; --profile; CCR_PROFILE; the demo's only member.
    """

    @wraps(command)
    def wrapper(
        origin: str | None,
        member: str | None,
        key: Path | None,
        member_name: str | None,
        profile: Path | None,
        **rest: Any,
    ) -> Any:
        chosen = _choose(
            origin=origin, member=member, key=key, member_name=member_name, profile=profile
        )
        try:
            registry = Registry.from_profile(chosen)
        except (OSError, ValueError) as error:
            raise click.UsageError(str(error)) from error
        return command(click.get_current_context().with_resource(registry), **rest)

    file = click.Path(dir_okay=False, path_type=Path)
    options = [
        click.option("--profile", type=file, help=f"A profile's file  [env: {PROFILE_VARIABLE}]"),
        click.option("--as", "member_name", metavar="NAME", help="A member of the demo."),
        click.option("--origin", metavar="URL", help="The registry, with --member and --key."),
        click.option("--member", metavar="ID", help="The member id, mem_…"),
        click.option("--key", type=file, help="The member's private key (PEM)."),
    ]
    for option in reversed(options):
        wrapper = option(wrapper)
    return wrapper  # type: ignore[return-value] # the same command, given its registry


def named_profile(member_name: str | None, profile: Path | None) -> Profile | None:
    """The profile that --as or --profile names; None where neither is given.

    Raises: click.UsageError.
    """
    if member_name is None and profile is None:
        return None
    return _choose(origin=None, member=None, key=None, member_name=member_name, profile=profile)


def _choose(
    *,
    origin: str | None,
    member: str | None,
    key: Path | None,
    member_name: str | None,
    profile: Path | None,
) -> Profile:
    if profile is not None and member_name is not None:
        raise click.UsageError("--profile and --as both name a member; give one.")
    if origin is not None or member is not None or key is not None:
        if origin is None or member is None or key is None:
            raise click.UsageError("--origin, --member and --key go together.")
        return Profile(origin=origin, member=member, private_key_file=key)
    if member_name is not None:
        return _read(_demo_profile(member_name))
    return _read(profile or profile_of_environment() or _demo_profile(""))


def _demo_profile(member_name: str) -> Path:
    found = sorted(DEMO_PROFILES.glob("*.json"))
    wanted = member_name.casefold().replace(" ", "-")
    exact = [path for path in found if path.stem.casefold() == wanted]
    matching = exact or [path for path in found if wanted in path.stem.casefold()]
    if len(matching) == 1:
        return matching[0]
    if not found:
        raise click.UsageError(
            f"Name a registry: --profile FILE, {PROFILE_VARIABLE}, or --origin, --member and"
            " --key. `registry demo` makes one to try."
        )
    names = ", ".join(path.stem for path in found)
    raise click.UsageError(f"Name one member of the demo: --as NAME, of {names}.")


def _read(path: Path) -> Profile:
    try:
        return read_profile(path)
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise click.UsageError(str(error)) from error
