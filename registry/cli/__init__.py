"""The `registry` command: every door of the program from a terminal.

Promises: `--json` on each command that shows something; a problem is a readable
panel on stderr and exit status 1, wrong usage 2; `registry --help` answers
before any room is loaded.
Never: holds a rule, prints an identifier it was not given, prints a secret.

    main -> lazy  one module a group, loaded when it is called
              |-> calling     report, lookup, call: the SDK at the prompt
              |-> importing   a file of reports
              |-> subject     a person's own door
              |-> score       explain: recompute a score offline
              |-> log, receipt, certificate: verifying what the registry says of itself
              |-> members, keys, letters, node, jobs, retention, demo: running a node
              '-> rendering   tables, panels, JSON

Sources: docs/protocol.md; POSIX utility conventions; click.
"""

from collections.abc import Mapping

import click

from registry import __version__
from registry.cli.lazy import LazyCommand, LazyGroup

_COMMANDS: Mapping[str, LazyCommand] = {
    "demo": LazyCommand(
        module="registry.cli.demo",
        attribute="demo",
        summary="Run a complete sandbox node with made-up members, people and history.",
    ),
    "report": LazyCommand(
        module="registry.cli.calling",
        attribute="report",
        summary="Report a confirmed incident; identifiers become tokens on this machine.",
    ),
    "import": LazyCommand(
        module="registry.cli.importing",
        attribute="import_file",
        summary="Report everything in a file, and go on after a kill.",
    ),
    "lookup": LazyCommand(
        module="registry.cli.calling",
        attribute="lookup",
        summary="Ask what is known about a person before a refund, and why.",
    ),
    "subject": LazyCommand(
        module="registry.cli.subject",
        attribute="subject",
        summary="See, as a person, what is known of you; freeze, authorise, take away.",
    ),
    "screen": LazyCommand(
        module="registry.cli.deciding",
        attribute="screen",
        summary="See whether anything is known of a person, without naming them.",
    ),
    "decide": LazyCommand(
        module="registry.cli.deciding",
        attribute="decide",
        summary="Screen a person, and look them up only if something is known.",
    ),
    "call": LazyCommand(
        module="registry.cli.calling",
        attribute="call",
        summary="Make any API call with the signature made for you.",
    ),
    "score": LazyCommand(
        module="registry.cli.score",
        attribute="score",
        summary="Recompute and explain scores offline.",
    ),
    "members": LazyCommand(
        module="registry.cli.members",
        attribute="members",
        summary="Admit, list, suspend and reinstate members.",
    ),
    "keys": LazyCommand(
        module="registry.cli.keys",
        attribute="keys",
        summary="Generate, add, revoke and rotate keys.",
    ),
    "init": LazyCommand(
        module="registry.cli.node",
        attribute="init",
        summary="Make the keys and files of a new node.",
    ),
    "migrate": LazyCommand(
        module="registry.cli.node",
        attribute="migrate",
        summary="Bring the database to this version.",
    ),
    "grant": LazyCommand(
        module="registry.cli.node",
        attribute="grant",
        summary="Give PostgreSQL's roles what they need and no more.",
    ),
    "serve": LazyCommand(
        module="registry.cli.node",
        attribute="serve",
        summary="Serve the API of this node.",
    ),
    "worker": LazyCommand(
        module="registry.cli.jobs",
        attribute="worker",
        summary="Do the jobs of this node, until a signal ends it.",
    ),
    "jobs": LazyCommand(
        module="registry.cli.jobs",
        attribute="jobs",
        summary="See what waits to be done; requeue or drop what was given up.",
    ),
    "check": LazyCommand(
        module="registry.cli.node",
        attribute="check",
        summary="Check settings, keys, database and rulebook of this node.",
    ),
    "openapi": LazyCommand(
        module="registry.cli.node",
        attribute="openapi",
        summary="Print the OpenAPI description.",
    ),
    "log": LazyCommand(
        module="registry.cli.log",
        attribute="log",
        summary="Verify the transparency logs; check, export and sequence a node's own.",
    ),
    "receipt": LazyCommand(
        module="registry.cli.receipt",
        attribute="receipt",
        summary="Verify receipts and proofs.",
    ),
    "certificate": LazyCommand(
        module="registry.cli.certificate",
        attribute="certificate",
        summary="Verify certificates of corrections.",
    ),
    "letters": LazyCommand(
        module="registry.cli.letters",
        attribute="letters",
        summary="See where a letter is; say that it came back.",
    ),
    "retention": LazyCommand(
        module="registry.cli.retention",
        attribute="retention",
        summary="Erase what is kept no longer, and what was ordered to go.",
    ),
    "screening": LazyCommand(
        module="registry.cli.screening",
        attribute="screening",
        summary="Show the screening snapshots of this node; build them anew.",
    ),
    "bench": LazyCommand(
        module="registry.cli.bench",
        attribute="bench",
        summary="Make databases of any size to measure with; sandboxes only.",
    ),
    "completion": LazyCommand(
        module="registry.cli.completion",
        attribute="completion",
        summary="Print the completion script of a shell.",
    ),
}


@click.group(
    name="registry",
    cls=LazyGroup,
    commands_by_name=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="registry", message="%(prog)s %(version)s")
def main() -> None:
    """Confirmed marketplace fraud, shared without a blacklist."""
