"""The person's client against the whole registry: a real server, both databases."""

import json
import threading
from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from flask import Flask
from werkzeug.serving import make_server

from registry.app.node import Node
from registry.app.own_door import SANDBOX_CODES_FILE
from registry.cli import main
from registry.client import InvalidIdentifier, RegistryProblem
from registry.client.person import OwnDoor
from registry.client.problems import AnswerNotTrusted
from registry.kernel.clock import MovableClock
from tests.nodes import new_app

NUMBER = "138 0013 8000"


@pytest.fixture
def served(node: Node) -> Iterator[str]:
    """The address a real server answers at."""
    app: Flask = new_app(node)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def code_sent(node: Node) -> str:
    node.worker.run_due()
    lines = (node.settings.home / SANDBOX_CODES_FILE).read_text().splitlines()
    code: str = json.loads(lines[-1])["short"]
    return code


def test_a_person_signs_in_reads_and_takes_away(
    node: Node, served: str, clock: MovableClock
) -> None:
    """Number normalised and blinded here; record, an act, and an export whose proof verifies
    with the registry's published key.
    """
    with OwnDoor(served) as door:
        pending = door.start("phone/1", NUMBER)
        session = door.prove(pending, code_sent(node))
        record = session.get("/v1/subject/record")
        assert ([], False) == (record["incidents"], record["earlier_holder"])
        frozen = session.say("PUT", "/v1/subject/freeze")["sayings"]
        assert isinstance(frozen, dict)
        assert frozen["frozen_at"]
        # The node speaks for its origin, and the server here is at another address.
        door.origin = node.settings.origin
        assert "score" in session.export()
        door.origin = "https://other.example"
        with pytest.raises(AnswerNotTrusted):
            session.export()


def test_a_wrong_code_is_a_problem_and_a_wrong_number_never_leaves(node: Node, served: str) -> None:
    """The first is the registry's to say, the second this machine's."""
    with OwnDoor(served) as door:
        pending = door.start("phone/1", NUMBER)
        wrong = f"{(int(code_sent(node)) + 1) % 10**8:08d}"
        with pytest.raises(RegistryProblem) as refused:
            door.prove(pending, wrong)
        assert 403 == refused.value.status
        with pytest.raises(InvalidIdentifier):
            door.start("phone/1", "12")


def test_the_command_signs_in_and_shows_the_record(
    node: Node, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code is asked for, and read by a person; here by the file a sandbox writes."""
    monkeypatch.setattr("click.prompt", lambda *_a, **_k: code_sent(node))
    arguments = ["subject", "see", "record", "--origin", served, "--phone", NUMBER, "--json"]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert 0 == result.exit_code, result.output
    assert "N" == json.loads(result.output)["score"]["band"]
    shown = CliRunner().invoke(main, arguments[:-1], catch_exceptions=False)
    assert '"band": "N"' in shown.output
