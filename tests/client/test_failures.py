"""What the client does when the network, the registry or a clock misbehaves."""

import socket
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from registry.client import (
    AnswerNotUnderstood,
    Connections,
    Registry,
    RegistryProblem,
    RegistryUnreachable,
    Retries,
)
from registry.client.transport import ConnectionNotTrusted, as_sent, checked_origin
from registry.crypto.signature import PrivateKey
from tests.client.hand_timer import HandTimer
from tests.client.little_registry import (
    Drop,
    DropAfterWork,
    LittleRegistry,
    Reply,
    Seen,
)
from tests.client.test_journey import REPORT, ask


def report_tries(server: LittleRegistry) -> list[Seen]:
    return server.to("/v1/incidents")


def prepared(registry: Registry) -> Registry:
    """The client with what it needs before a report, so that scripts meet the report."""
    registry.tokens_for([each for each in REPORT.identities if hasattr(each, "value")])
    return registry


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_passing_trouble_is_tried_again(
    registry: Registry, server: LittleRegistry, timer: HandTimer, status: int
) -> None:
    """After 429, 502, 503 and 504 the call is made again, and counts once."""
    prepared(registry)
    server.script.extend([Reply(status), Reply(status)])
    assert registry.report(REPORT).is_new
    assert [0.25, 0.5] == timer.waits
    assert 3 == len(report_tries(server))


def test_each_try_is_signed_afresh_under_one_idempotency_key(
    registry: Registry, server: LittleRegistry
) -> None:
    """A replayed JWT would be refused; a second key would count twice."""
    prepared(registry)
    server.script.extend([Reply(503), Drop()])
    registry.report(REPORT)
    tries = report_tries(server)
    assert 3 == len({seen.claims["jti"] for seen in tries if seen.claims})
    assert 1 == len({seen.headers["idempotency-key"] for seen in tries})
    assert 1 == len({seen.body for seen in tries})


def test_report_whose_answer_was_lost_counts_once(
    registry: Registry, server: LittleRegistry
) -> None:
    """The connection breaks after the work was done: the next try gets that same answer."""
    prepared(registry)
    server.script.append(DropAfterWork())
    assert registry.report(REPORT).is_new
    assert (2, 1) == (len(report_tries(server)), len(server.by_reference))


def test_lookup_whose_answer_was_lost_is_made_once(
    registry: Registry, server: LittleRegistry
) -> None:
    """A person is not looked up twice because a network hiccuped."""
    registry.token_for("phone/1", "13800138000")
    server.script.append(DropAfterWork())
    ask(registry)
    assert 1 == server.lookups_made


@pytest.mark.parametrize("status", [400, 403, 404, 409, 410, 412, 422, 500, 501])
def test_lasting_trouble_is_not_tried_again(
    registry: Registry, server: LittleRegistry, timer: HandTimer, status: int
) -> None:
    """Other statuses are raised at once, even without a problem document."""
    server.script.append(Reply(status, b"<html>no</html>"))
    with pytest.raises(RegistryProblem) as caught:
        registry.incident("inc_1")
    assert (status, "about:blank", []) == (caught.value.status, caught.value.type, timer.waits)


def test_retry_after_in_seconds_is_honoured(
    registry: Registry, server: LittleRegistry, timer: HandTimer
) -> None:
    """Seven seconds asked for are waited."""
    server.script.append(Reply(429, headers={"Retry-After": "7"}))
    registry.well_known()
    assert [7.25] == timer.waits


def test_retry_after_as_a_date_is_honoured(
    registry: Registry, server: LittleRegistry, timer: HandTimer
) -> None:
    """A date is seen from the registry's own clock, whatever ours says."""
    headers = {
        "Date": "Thu, 01 Jan 2026 00:00:00 GMT",
        "Retry-After": "Thu, 01 Jan 2026 00:00:09 GMT",
    }
    server.script.append(Reply(503, headers=headers))
    registry.well_known()
    assert [9.25] == timer.waits


def test_retry_after_beyond_the_budget_is_raised_at_once(
    registry: Registry, server: LittleRegistry, timer: HandTimer
) -> None:
    """An hour's pause is the caller's to decide on: nothing is waited for."""
    limited = Reply(429, {"title": "Too many", "detail": "."}, {"Retry-After": "3600"})
    server.script.append(limited)
    with pytest.raises(RegistryProblem) as caught:
        registry.well_known()
    assert (429, 3600.0, []) == (
        caught.value.status,
        caught.value.retry_after_seconds,
        timer.waits,
    )


def test_tries_are_bounded(registry: Registry, server: LittleRegistry, timer: HandTimer) -> None:
    """A registry that stays down is given up after four tries, with its last answer."""
    server.script.extend(Reply(503) for _ in range(9))
    with pytest.raises(RegistryProblem) as caught:
        registry.well_known()
    assert (503, 4, 3) == (caught.value.status, len(server.seen), len(timer.waits))


def test_time_is_bounded(
    connect: Callable[..., Registry], server: LittleRegistry, timer: HandTimer
) -> None:
    """However many tries are allowed, they end with the time."""
    retries = Retries(attempts_max=1000, seconds_max=10, draw=lambda bound: bound)
    server.script.extend(Reply(503) for _ in range(999))
    with pytest.raises(RegistryProblem):
        connect(retries=retries).well_known()
    assert sum(timer.waits) < 10


def test_registry_that_is_not_there_is_unreachable(timer: HandTimer) -> None:
    """Nobody listens: after all tries the error says so, and holds no secret."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    registry = Registry(f"http://127.0.0.1:{port}", "mem_1", PrivateKey.generate(), timer=timer)
    with pytest.raises(RegistryUnreachable, match="refused"):
        registry.call("POST", "/v1/lookups", {"token": "secret"})
    assert 3 == len(timer.waits)


def test_silent_registry_is_given_up(
    connect: Callable[..., Registry], server: LittleRegistry
) -> None:
    """A registry that takes the call and says nothing is unreachable in time."""

    def say_nothing(_: Seen) -> None:
        server.released.wait()

    server.script.append(say_nothing)
    registry = connect(
        connections=Connections(read_seconds_max=0.2), retries=Retries(attempts_max=1)
    )
    with pytest.raises(RegistryUnreachable):
        registry.well_known()


def test_truncated_answer_is_not_taken_for_a_whole_one(
    connect: Callable[..., Registry], server: LittleRegistry
) -> None:
    """An answer shorter than its Content-Length is a broken connection."""
    server.script.append(Reply(200, b"{}", {"Content-Length": "999", "Connection": "close"}))
    with pytest.raises(RegistryUnreachable):
        connect(
            connections=Connections(read_seconds_max=0.3), retries=Retries(attempts_max=1)
        ).well_known()


def test_answer_beyond_the_bound_is_not_read(
    connect: Callable[..., Registry], server: LittleRegistry, timer: HandTimer
) -> None:
    """One byte too many ends the reading, and is not tried again."""
    server.script.append(Reply(200, b" " * 1001))
    with pytest.raises(AnswerNotUnderstood, match="1000"):
        connect(connections=Connections(answer_bytes_max=1000)).well_known()
    assert [] == timer.waits


def test_redirect_is_not_followed(registry: Registry, server: LittleRegistry) -> None:
    """A signed request is for one address; it goes nowhere else."""
    server.script.append(Reply(307, headers={"Location": "/v1/rulebook"}))
    with pytest.raises(AnswerNotUnderstood, match="redirect"):
        registry.well_known()
    assert 1 == len(server.seen)


def test_compressed_answer_is_refused(registry: Registry, server: LittleRegistry) -> None:
    """What was not asked for is not unpacked."""
    server.script.append(Reply(200, b"x", {"Content-Encoding": "gzip"}))
    with pytest.raises(AnswerNotUnderstood, match="compressed"):
        registry.well_known()


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"a":1,"a":2}', b"\xff", b"null"])
def test_answer_that_is_no_json_object_is_not_understood(
    registry: Registry, server: LittleRegistry, body: bytes
) -> None:
    """Success with a body of another kind is an error of its own."""
    server.script.append(Reply(200, body))
    with pytest.raises(AnswerNotUnderstood):
        registry.well_known()


def test_proxies_of_the_environment_are_not_used(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a shell has set for browsers does not see signed requests."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    registry.well_known()


def test_connections_are_used_again(registry: Registry, server: LittleRegistry) -> None:
    """Calls one after the other share a connection."""
    for _ in range(3):
        registry.rulebook()
    assert 1 == len({seen.peer for seen in server.seen})


def test_wrong_clock_is_corrected_once(
    registry: Registry, server: LittleRegistry, timer: HandTimer
) -> None:
    """A 401 whose Date is far from ours is tried again with the registry's time, then kept."""
    server.now = lambda: timer.now() + timedelta(hours=3)
    ask(registry)
    first, second = server.to("/v1/evaluations")
    assert first.claims is not None
    assert second.claims is not None
    assert 3 * 3600 == second.claims["iat"] - first.claims["iat"]
    assert 1 == len(server.to("/v1/lookups"))


def test_refusal_with_the_right_clock_is_raised(registry: Registry, server: LittleRegistry) -> None:
    """A 401 at about our time is no matter of clocks."""
    server.kid = "another"
    with pytest.raises(RegistryProblem) as caught:
        registry.incident("inc_1")
    assert (401, 1) == (caught.value.status, len(server.seen))


def test_clock_that_stays_wrong_is_raised(registry: Registry, server: LittleRegistry) -> None:
    """A second 401 is not tried again, whatever its Date."""
    dates = [f"Sun, 0{day} Feb 2026 00:00:00 GMT" for day in (1, 2, 3)]
    server.script.extend(Reply(401, headers={"Date": date}) for date in dates)
    with pytest.raises(RegistryProblem):
        registry.incident("inc_1")
    assert 2 == len(server.seen)


@pytest.mark.parametrize(
    "origin",
    [
        "registry.example",
        "https://registry.example/",
        "https://registry.example/v1",
        "https://user@registry.example",
        "http://registry.example",
        "http://10.0.0.7:8080",
        "ftp://registry.example",
        "https://",
    ],
)
def test_origin_is_scheme_host_and_port(origin: str) -> None:
    """Anything else, and plain http beyond this machine, is refused at once."""
    with pytest.raises(ValueError, match="origin"):
        checked_origin(origin)


@pytest.mark.parametrize(
    "origin", ["https://registry.example", "https://r.example:8443", "http://localhost:8080"]
)
def test_origin_is_kept_as_it_is(origin: str) -> None:
    """An origin is the audience of every JWT: not a letter of it changes."""
    assert origin == checked_origin(origin)


@pytest.mark.parametrize("target", ["v1/x", "//evil.example/x", "https://evil.example/x", ""])
def test_target_stays_at_the_origin(target: str) -> None:
    """No path leads to another host."""
    with pytest.raises(ValueError, match="slash"):
        as_sent("https://registry.example", target)


def test_what_is_signed_is_what_is_sent(registry: Registry, server: LittleRegistry) -> None:
    """Characters that need escaping are escaped before the signature, not after."""
    target = "/v1/café/../incidents?q=a b&name=张"
    assert 200 == registry.call("GET", target).status
    (seen,) = server.seen
    assert seen.claims is not None
    assert "/v1/incidents?q=a%20b&name=%E5%BC%A0" == seen.target == seen.claims["htu"]


def test_untrusted_certificate_is_not_tried_again(tmp_path: Path, timer: HandTimer) -> None:
    """A server whose certificate nobody vouches for gets nothing, once."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=answer_tls, args=(listener, tmp_path))
        thread.start()
        key = PrivateKey.generate()
        registry = Registry(f"https://127.0.0.1:{port}", "mem_1", key, timer=timer)
        with pytest.raises(ConnectionNotTrusted):
            registry.well_known()
        thread.join()
    assert [] == timer.waits


def answer_tls(listener: socket.socket, directory: Path) -> None:
    """Takes one connection with a certificate of its own making."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    ).sign(key, hashes.SHA256())
    pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = directory / "server.pem"
    file.write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    connection, _ = listener.accept()
    with connection:
        try:
            context.wrap_socket(connection, server_side=True).close()
        except (ssl.SSLError, ConnectionError):
            return
