"""An operator admits members and looks after their keys from a terminal."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from registry.app.home import create_node
from registry.cli import main
from registry.settings import Mode, Settings

ORIGIN = "http://127.0.0.1:8080"


@pytest.fixture
def node_home(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh node on each kind of database, named by the environment as in production."""
    home = tmp_path / "node"
    create_node(Settings(home=home, origin=ORIGIN, mode=Mode.SANDBOX))
    monkeypatch.setenv("REGISTRY_HOME", str(home))
    monkeypatch.setenv("REGISTRY_DATABASE_URL", database_url)
    return home


def run(*arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=answer)


def run_json(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert 0 == result.exit_code, result.output
    return json.loads(result.stdout)


def generate(directory: Path, name: str, origin: str = ORIGIN) -> dict[str, str]:
    made = run_json("keys", "generate", "--origin", origin, "--out", str(directory / f"{name}.pem"))
    assert isinstance(made, dict)
    return made


def admit(directory: Path, name: str = "Platform One") -> Any:
    proof = generate(directory, name.replace(" ", "-"))["proof_file"]
    return run_json(
        "members", "admit", name, "--role", "furnisher", "--role", "inquirer", "--key-proof", proof
    )


def test_a_member_is_admitted_with_the_key_it_generated(node_home: Path, tmp_path: Path) -> None:
    """Two commands: one by the member, one by the operator."""
    made = generate(tmp_path, "key")
    member = run_json(
        "members", "admit", "Platform One", "--role", "inquirer", "--key-proof", made["proof_file"]
    )
    assert ["inquirer"] == member["roles"]
    assert [made["kid"]] == [key["kid"] for key in member["keys"]]
    assert [member] == run_json("members", "list")
    assert member == run_json("members", "show", "Platform One")
    assert 800_000 == member["reliability_ppm"]
    assert member == run_json("members", "show", member["id"])


def test_a_generated_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Mode 0600, and never overwritten; the proof tells no secret."""
    made = generate(tmp_path, "key")
    private = Path(made["private_key_file"])
    assert 0o600 == stat.S_IMODE(private.stat().st_mode)
    assert "PRIVATE KEY" in private.read_text()
    assert 2 == Path(made["proof_file"]).read_text().count(".")
    again = run("keys", "generate", "--origin", ORIGIN, "--out", str(private))
    assert 1 == again.exit_code
    assert "not overwritten" in " ".join(again.stderr.split())


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256"])
def test_a_proof_can_be_made_again(node_home: Path, tmp_path: Path, algorithm: str) -> None:
    """For a key that exists, when the first proof has gone stale."""
    key = tmp_path / "key.pem"
    run_json("keys", "generate", "--origin", ORIGIN, "--out", str(key), "--alg", algorithm)
    proved = run("keys", "prove", "--key", str(key), "--origin", ORIGIN + "/")
    member = run(
        "members", "admit", "One", "--role", "peer", "--key-proof", "-", "--json",
        answer=proved.stdout,
    )  # fmt: skip
    assert 0 == member.exit_code, member.output
    assert [algorithm] == [each["alg"] for each in json.loads(member.stdout)["keys"]]


def test_a_proof_for_another_registry_is_refused(node_home: Path, tmp_path: Path) -> None:
    """With a reason, exit status 1 and nothing left behind."""
    proof = generate(tmp_path, "key", "https://other.example")["proof_file"]
    refused = run("members", "admit", "One", "--role", "peer", "--key-proof", proof)
    assert 1 == refused.exit_code
    assert "another registry" in " ".join(refused.stderr.split())
    assert [] == run_json("members", "list")


def test_a_scope_beyond_the_role_is_refused(node_home: Path) -> None:
    """A supervisor does not report."""
    refused = run("members", "admit", "S", "--role", "supervisor", "--scope", "incidents:report")
    assert 1 == refused.exit_code
    assert "not for these roles" in " ".join(refused.stderr.split())


def test_a_suspension_is_confirmed_and_can_be_taken_back(node_home: Path, tmp_path: Path) -> None:
    """Without a yes nothing happens."""
    admit(tmp_path)
    assert 1 == run("members", "suspend", "Platform One", answer="n\n").exit_code
    assert None is run_json("members", "show", "Platform One")["suspended_at"]
    assert None is not run_json("members", "suspend", "Platform One", "--yes")["suspended_at"]
    assert "suspended" in run("members", "list").stdout
    assert None is run_json("members", "reinstate", "Platform One")["suspended_at"]


def test_a_scope_is_withheld_and_restored(node_home: Path, tmp_path: Path) -> None:
    """After asking; the grant stays as it was, and says what is withheld of it."""
    admit(tmp_path)
    act = ("members", "withhold", "Platform One", "lookups:make", "--reason", "R904")
    assert 1 == run(*act, answer="n\n").exit_code
    assert [] == run_json("members", "show", "Platform One")["withheld"]
    withheld = run_json(*act, "--yes")
    assert [("lookups:make", "R904")] == [
        (each["scope"], each["reason"]) for each in withheld["withheld"]
    ]
    assert "lookups:make" in withheld["scopes"]
    assert "lookups:make (R904)" in run("members", "show", "Platform One").stdout
    back = ("members", "restore", "Platform One", "lookups:make", "--reason", "R904")
    assert [] == run_json(*back)["withheld"]
    assert 0 != run(*back).exit_code


def test_keys_are_added_rotated_and_revoked(node_home: Path, tmp_path: Path) -> None:
    """The life of a member's keys."""
    member = admit(tmp_path)
    first = member["keys"][0]["kid"]
    second = generate(tmp_path, "second")
    rotated = run_json(
        "keys", "rotate", member["id"], "--key-proof", second["proof_file"], "--overlap", "0"
    )
    assert [second["kid"], first] == [key["kid"] for key in rotated]
    third = generate(tmp_path, "third")
    run_json("keys", "add", "Platform One", "--key-proof", third["proof_file"])
    assert 1 == run("keys", "revoke", third["kid"], answer="n\n").exit_code
    run_json("keys", "revoke", third["kid"], "--yes")
    listed = run_json("keys", "list", "Platform One")
    assert {first: True, second["kid"]: False, third["kid"]: True} == {
        key["kid"]: key["revoked_at"] is not None for key in listed
    }
    assert "revoked" in run("keys", "list", "Platform One").stdout


def test_who_is_not_there_is_a_problem_and_not_a_traceback(node_home: Path) -> None:
    """A wrong name, id or kid."""
    for arguments in (
        ["members", "show", "Nobody"],
        ["members", "suspend", "mem_01992f5e-7c00-7abc-8def-0123456789ab", "--yes"],
        ["keys", "list", "Nobody"],
        ["keys", "revoke", "x" * 43, "--yes"],
    ):
        result = run(*arguments)
        assert 1 == result.exit_code, arguments
        assert isinstance(result.exception, SystemExit)
        assert "There is no such" in " ".join(result.stderr.split())


@pytest.mark.parametrize("beginning", ["-hx", "-yP", "-y-", "--y", "---"])
def test_a_kid_may_begin_with_a_dash(node_home: Path, beginning: str) -> None:
    """base64url has the dash: such a kid is a kid, whatever options its letters are."""
    kid = beginning + "A" * 40
    for arguments in (["--yes", kid], [kid, "-y"], ["-y", "--", kid]):
        refused = run("keys", "revoke", *arguments)
        assert (1, True) == (refused.exit_code, "no such key" in refused.stderr), refused.output
    asked = run("keys", "revoke", kid, answer="n\n")
    assert f"Revoke {kid}?" in asked.stderr


def test_a_mistyped_option_of_a_revocation_is_named(node_home: Path) -> None:
    """What has not the length of a kid is no kid."""
    refused = run("keys", "revoke", "-q", "A" * 43)
    assert (2, True) == (refused.exit_code, "No such option" in refused.stderr), refused.output
