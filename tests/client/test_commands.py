"""The `registry` command: report, lookup, call, score explain, completion, help."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from registry.cli import main
from registry.crypto.signature import PrivateKey
from registry.kernel.clock import SystemClock
from tests.client.little_registry import LittleRegistry, Reply

Run = Callable[..., Result]

REPORT_YAML = """
reference: R-1
identities:
  - type: phone/1
    identifier: "138 0013 8000"
    last_verified_on: 2026-10-01
code: B101
role: buyer
occurred_on: 2026-10-01
reviewers: [staff-0017, staff-0093]
notice: {delivered_at: 2026-10-06T03:00:00Z, channel: in_app, reply: none}
"""
LOOKUP = ("lookup", "--order", "O-1", "--purpose", "refund_only_review", "--consent", "C-77")
SCORE_INPUTS = {
    "edition": "cn-2026.1",
    "now": "2026-11-21T08:00:00Z",
    "contributions": [
        {
            "incident": "inc_1",
            "code": "B110",
            "severity": "S2",
            "occurred_on": "2026-10-01",
            "effective_at": "2026-10-13T03:00:00Z",
            "expires_on": "2028-10-01",
            "furnisher": "mem_1",
            "reliability_ppm": 800000,
        }
    ],
}


@pytest.fixture
def run(
    server: LittleRegistry,
    key: PrivateKey,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Runs the command in an empty directory, with a profile in CCR_PROFILE."""
    # The command reads the machine's own clock, and so must its registry.
    server.now = SystemClock().now
    (tmp_path / "key.pem").write_bytes(key.to_pem())
    members = {"origin": server.origin, "member": server.member, "private_key_file": "key.pem"}
    profile = tmp_path / "profile.json"
    profile.write_text(json.dumps(members))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CCR_PROFILE", str(profile))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("COLUMNS", "100")
    return lambda *words, **kwargs: CliRunner().invoke(main, list(words), **kwargs)


def test_help_loads_no_room() -> None:
    """`registry --help` answers without importing what only its commands need."""
    program = (
        "import sys\n"
        "from registry.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'rich', 'urllib3', 'flask', 'sqlalchemy', 'cryptography', 'phonenumbers'}\n"
        "sys.exit(sorted(heavy & set(sys.modules)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (0, "") == (done.returncode, done.stderr)
    for name in ("report", "lookup", "call", "score", "members", "keys", "demo", "serve"):
        assert f"\n  {name} " in done.stdout


def test_version_is_told() -> None:
    """`registry --version` names the program and its version."""
    assert "registry 0." in CliRunner().invoke(main, ["--version"]).output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_is_the_shells(shell: str) -> None:
    """Each shell gets a script that asks this command."""
    done = CliRunner().invoke(main, ["completion", shell])
    assert 0 == done.exit_code
    assert "_REGISTRY_COMPLETE" in done.output


def test_commands_are_completed_without_loading_them() -> None:
    """Completion of a command's name comes from the table."""
    environment = {
        "COMP_WORDS": "registry lo",
        "COMP_CWORD": "1",
        "_REGISTRY_COMPLETE": "bash_complete",
    }
    done = CliRunner().invoke(main, [], prog_name="registry", env=environment)
    assert "plain,lookup" in done.output


def test_report_of_a_yaml_file_is_filed(run: Run, server: LittleRegistry, tmp_path: Path) -> None:
    """Identifiers of the file become tokens here; the result says when it takes effect."""
    (tmp_path / "report.yaml").write_text(REPORT_YAML)
    done = run("report", "report.yaml")
    assert 0 == done.exit_code, done.stderr
    (sent,) = server.to("/v1/incidents")
    assert {
        "reference": "R-1",
        "code": "B101",
        "role": "buyer",
        "occurred_on": "2026-10-01",
        "reviewers": ["staff-0017", "staff-0093"],
        "notice": {"delivered_at": "2026-10-06T03:00:00Z", "channel": "in_app", "reply": "none"},
    } == {name: value for name, value in sent.document.items() if name != "identities"}
    (identity,) = sent.document["identities"]
    assert {"type", "key_id", "token", "last_verified_on"} == set(identity)
    for words in ("Reported", "noticed, in effect from 2026-10-13", "S3", "✓ verified"):
        assert words in done.stdout


def test_report_comes_from_standard_input_as_json(run: Run, server: LittleRegistry) -> None:
    """`-` reads standard input; `--json` gives the answer and the verified receipt."""
    identity = {"type": "phone/1", "identifier": "13800138000", "last_verified_on": "2026-10-01"}
    report = {"reference": "R-2", "code": "B101", "reviewers": [], "identities": [identity]}
    done = run("report", "-", "--json", input=json.dumps(report))
    shown = json.loads(done.stdout)
    assert ("noticed", "incidents") == (
        shown["incident"]["state"],
        shown["verified_receipt"]["log"],
    )


def test_incomplete_report_shows_everything_missing(run: Run) -> None:
    """A refused report is a panel on stderr with a line for each point, and status 1."""
    done = run("report", "-", input="identities: [{type: phone/1, identifier: '13800138000'}]")
    assert (1, "") == (done.exit_code, done.stdout)
    for words in ("422 Request invalid", "/reference", "/code", "/reviewers", "request 0f4dd8b4"):
        assert words in done.stderr


@pytest.mark.parametrize("text", ["- a\n- b", "{", "a: [", "\x00", "!!python/object:os.system x"])
def test_file_that_is_no_report_is_refused(run: Run, server: LittleRegistry, text: str) -> None:
    """Neither a list, nor broken JSON or YAML, nor a tag that would run code, is sent."""
    done = run("report", "-", input=text)
    assert (1, [], None) == (
        done.exit_code,
        server.seen,
        None if isinstance(done.exception, SystemExit) else done.exception,
    )


def test_lookup_is_explained(run: Run, server: LittleRegistry) -> None:
    """Band, score, reasons with points, advice, the notice to give, the verified receipt."""
    done = run(*LOOKUP, "--phone", "138 0013 8000", "--held-since", "2023-01-01", "--agent", "s-1")
    assert 0 == done.exit_code, done.stderr
    (sent,) = server.to("/v1/lookups")
    document = sent.document
    assert ["2023-01-01"] == [each["held_since"] for each in document.pop("identities")]
    assert {
        "purpose": "refund_only_review",
        "order": "O-1",
        "authorisation": {"basis": "separate_consent", "reference": "C-77"},
        "agent": "s-1",
    } == document
    for words in (
        "B  741",
        "−89  B101  Forged damage",
        "ask for the goods back first",
        "1 active, 0 under appeal; furnishers: 1; latest on 2026-10-01",
        "V402",
        "✓ verified",
        "The person says:",
        "I sent it back in full.",
        "You may see it.",
    ):
        assert words in done.stdout


def test_lookup_needs_no_more_than_person_and_order(run: Run, server: LittleRegistry) -> None:
    """Without more words it is a refund's review; made-up people need not be asked."""
    run("lookup", "--phone", "13800138000", "--order", "O-9", "--agent", "s-1")
    (sent,) = server.to("/v1/lookups")
    assert ("refund_only_review", {"basis": "separate_consent", "reference": "sandbox"}) == (
        sent.document["purpose"],
        sent.document["authorisation"],
    )


def test_lookup_never_claims_a_consent_of_a_real_person(run: Run, server: LittleRegistry) -> None:
    """On a live registry the consent must be said; without it nothing is asked."""
    server.mode = "live"
    done = run("lookup", "--phone", "13800138000", "--order", "O-9", "--agent", "s-1")
    assert (2, []) == (done.exit_code, server.to("/v1/lookups"))


def test_lookup_names_a_one_use_authorisation(run: Run, server: LittleRegistry) -> None:
    """--one-use is the person's own authorisation, and is named as that."""
    run("lookup", "--phone", "13800138000", "--order", "O-9", "--one-use", "A-1", "--agent", "s-1")
    (sent,) = server.to("/v1/lookups")
    assert {"basis": "one_use", "reference": "A-1"} == sent.document["authorisation"]


def test_lookup_speaks_the_language_of_the_terminal(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a Chinese locale the reasons and the advice are Chinese."""
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    done = run(*LOOKUP, "--phone", "13800138000", "--agent", "s-1")
    assert "伪造破损" in done.stdout
    assert "请先要求退货" in done.stdout


def test_lookup_takes_every_kind_of_identifier(run: Run, server: LittleRegistry) -> None:
    """A mail address of a known provider asks under both of its identifiers."""
    words = ("--email", "Zhang.San@gmail.com", "--id", "iban/1=DE89370400440532013000")
    done = run(*LOOKUP, *words, "--agent", "s-1", "--json")
    assert 741 == json.loads(done.stdout)["score"]
    (sent,) = server.to("/v1/lookups")
    types = [identity["type"] for identity in sent.document["identities"]]
    assert ["email/1", "email-canonical/1", "iban/1"] == types


def test_receipt_that_does_not_verify_is_told_loudly(run: Run, server: LittleRegistry) -> None:
    """The answer is shown all the same: it was given, and the receipt is evidence."""
    server.script.extend([None, None, forged(server)])
    done = run(*LOOKUP, "--phone", "13800138000", "--agent", "s-1")
    assert 0 == done.exit_code
    assert "NOT VERIFIED" in done.stdout


def forged(server: LittleRegistry) -> Callable[[object], Reply]:
    """The true answer to a lookup, with a receipt of another entry's leaf and no signature."""

    def answer(_: object) -> Reply:
        true = server.lookup()
        return Reply(200, true | {"receipt": true["receipt"][:-8] + "AAAAAAAA"})

    return answer


def test_invalid_identifier_is_told_without_repeating_it(run: Run, server: LittleRegistry) -> None:
    """A wrong number ends here, and is not shown again."""
    done = run(*LOOKUP, "--phone", "12345678", "--agent", "s-1")
    assert 1 == done.exit_code
    assert "not a valid identifier" in done.stderr
    assert "12345678" not in done.output
    assert [] == server.to("/v1/lookups")


@pytest.mark.parametrize(
    "words",
    [
        LOOKUP,
        (*LOOKUP, "--phone", "13800138000", "--one-use", "A-1"),
        (*LOOKUP, "--phone", "13800138000", "--held-since", "yesterday"),
        (*LOOKUP, "--id", "13800138000"),
        (*LOOKUP, "--id", "fax/1=13800138000"),
        ("lookup", "--phone", "13800138000"),
        ("report", "nowhere.yaml"),
        ("report",),
        ("call", "GET", "v1/incidents"),
        ("call", "GET", "/v1/incidents", "-H", "nonsense"),
        ("call", "GET", "/v1/incidents", "--profile", "nowhere.json"),
        ("call", "GET", "/v1/incidents", "--origin", "https://registry.example"),
        ("call", "GET", "/v1/incidents", "--as", "platform"),
        ("call", "GET", "/v1/incidents", "--as", "a", "--profile", "b"),
        ("nothing",),
    ],
)
def test_wrong_use_is_status_2(run: Run, server: LittleRegistry, words: tuple[str, ...]) -> None:
    """What the command cannot mean is told before anything is sent, and no number repeated."""
    done = run(*words)
    assert (2, []) == (done.exit_code, server.seen)
    assert "13800138000" not in done.stderr


def test_call_prints_the_answer_as_it_came(run: Run) -> None:
    """Into a pipe goes the body, byte for byte."""
    done = run("call", "get", "/v1/incidents?cursor=2")
    assert "active" == json.loads(done.stdout)["incidents"][0]["state"]


def test_call_shows_status_and_headers_when_asked(
    run: Run, server: LittleRegistry, tmp_path: Path
) -> None:
    """-i is what it is in curl; a body may be a file, headers may be added."""
    (tmp_path / "body.json").write_text('{"order": "O-2"}')
    words = ("--data", "@body.json", "-H", 'If-Match: "v7"', "-i")
    done = run("call", "PATCH", "/v1/incidents/inc_1", *words)
    assert done.stdout.startswith("200 OK\n")
    assert "x-request-id: 0f4dd8b4" in done.stdout
    (sent,) = server.seen
    assert ('"v7"', b'{"order": "O-2"}') == (sent.headers["if-match"], sent.body)


def test_refused_call_is_status_1(run: Run) -> None:
    """A problem is a panel; with --json the problem document; with -i the raw answer."""
    plain, as_json, raw = (
        run("call", "GET", "/v1/nowhere", *words) for words in ((), ("--json",), ("-i",))
    )
    assert [1, 1, 1] == [done.exit_code for done in (plain, as_json, raw)]
    assert "404 Nothing here" in plain.stderr
    assert 404 == json.loads(as_json.stderr)["status"]
    assert raw.stdout.startswith("404 Not Found\n")


def test_terminal_is_not_steered_by_an_answer(run: Run, server: LittleRegistry) -> None:
    """Escape sequences and markup in a problem are shown, not obeyed."""
    hostile = {"title": "\x1b[2J[bold]gone", "detail": "\x9b31m\u202eright to left"}
    server.script.append(Reply(409, hostile))
    done = run("call", "GET", "/v1/incidents")
    assert "\N{REPLACEMENT CHARACTER}[2J[bold]gone" in done.stderr
    assert not set("\x1b\x9b\u202e") & set(done.stderr)


def test_registry_that_is_down_is_told(run: Run, key: PrivateKey, tmp_path: Path) -> None:
    """No answer is a problem of its own."""
    where = ("--origin", "http://127.0.0.1:9", "--member", "mem_1", "--key", "key.pem")
    done = run("call", "GET", "/v1/incidents", *where)
    assert 1 == done.exit_code
    assert "Registry unreachable" in done.stderr


def test_member_of_the_demo_is_found_by_name(
    run: Run, tmp_path: Path, server: LittleRegistry
) -> None:
    """--as picks the one profile of the demo that the name fits; a lone one needs no name."""
    profiles = tmp_path / "var" / "demo" / "profiles"
    profiles.mkdir(parents=True)
    text = (tmp_path / "profile.json").read_text().replace("key.pem", "../../../key.pem")
    (profiles / "taohuo-mall.json").write_text(text)
    call = ("call", "GET", "/v1/incidents")
    assert 0 == run(*call, env={"CCR_PROFILE": ""}).exit_code
    (profiles / "taohuo-mall-2.json").write_text(text)
    (profiles / "xianpin.json").write_text(text)
    assert [2, 0, 0, 2, 2] == [
        run(*call, *words, env={"CCR_PROFILE": ""}).exit_code
        for words in (
            (),
            ("--as", "Taohuo Mall"),
            ("--as", "xian"),
            ("--as", "taohuo"),
            ("--as", "nobody"),
        )
    ]


def test_score_is_explained_offline(run: Run, server: LittleRegistry) -> None:
    """A score is recomputed from a file alone, with its what-ifs."""
    text = json.dumps(SCORE_INPUTS)
    words = ("score", "explain", "-", "--on", "2028-10-01", "--without", "inc_1")
    done = run(*words, "--json", input=text)
    explained = json.loads(done.stdout)
    assert ("A", 791) == (explained["band"], explained["score"])
    assert {"band": "N", "score": None} == {
        name: explained["what_if"]["without"][0][name] for name in ("band", "score")
    }
    shown = run(*words, input=text)
    for expected in ("A  791", "−39  B110", "without inc_1", "on 2028-10-01"):
        assert expected in shown.stdout
    assert [] == server.seen


def test_score_of_wrong_inputs_is_a_problem(run: Run) -> None:
    """What is missing is named; an incident that is not there is wrong use."""
    incomplete = run("score", "explain", "-", input='{"edition": "cn-2026.1"}')
    assert 1 == incomplete.exit_code
    assert "/now" in incomplete.stderr
    absent = run("score", "explain", "-", "--without", "inc_9", input=json.dumps(SCORE_INPUTS))
    assert 2 == absent.exit_code
