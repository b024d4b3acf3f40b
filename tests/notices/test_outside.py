"""A member chooses the address; nothing it chooses leads inside, or keeps us."""

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from registry.kernel.clock import SystemClock
from registry.notices.model import AttemptResult, WebhookRefused, read_url
from registry.notices.outside import Outside, is_public, trusting_context
from registry.settings import Mode
from tests.notices.receiver import Receiver, receiving

NAME = "hooks.platform.example"


def outside(mode: Mode = Mode.SANDBOX, *, seconds: float = 15, tls: ssl.SSLContext) -> Outside:
    return Outside(mode=mode, wall=SystemClock(), tls=tls, total_seconds_max=seconds)


@pytest.fixture
def tls() -> ssl.SSLContext:
    return trusting_context()


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.254",
        "127.0.0.1",
        "127.8.8.8",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "224.0.1.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "64:ff9b:1::a00:1",
        "100::1",
        "2001::1",
        "2001:0:7f00:1::",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:808:808::1",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700::1111%1",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "2130706433",
        "0x7f.1",
        "017700000001",
        "localhost",
        "",
    ],
)
def test_no_address_that_leads_inside_is_public(address: str) -> None:
    """Private, shared, link-local, mapped, translated, tunnelled, documentation, multicast."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450::1"])
def test_ordinary_addresses_are_public(address: str) -> None:
    """Those receivers have."""
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.platform.example/",
        "https://hooks.platform.example:22/",
        "https://hooks.platform.example:80/",
        "https://localhost/",
        "https://[::1]/",
        "https://intranet/",
        "https://127.0.0.1/",
        "https://8.8.8.8/",
        "https://127.1/",
        "https://10.0x7f/",
        "https://user:word@hooks.platform.example/",
    ],
)
def test_a_live_node_calls_https_by_name_on_its_ports(url: str) -> None:
    """Refused when the webhook is added; a sandbox is told apart."""
    with pytest.raises(WebhookRefused):
        read_url(url, Mode.LIVE)


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Makes every name lead to these addresses; the names that were asked for."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def answer(host: str, port: int, *rest: object, **more: object) -> object:
        if host != NAME:
            return real(host, port, *rest, **more)  # type: ignore[arg-type] # passed through
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"]])
def test_a_name_that_leads_inside_is_not_called(
    monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext, addresses: list[str]
) -> None:
    """Nor one that has a foot inside; nothing is connected to."""
    asked = resolving(monkeypatch, *addresses)

    def connected(*_: object, **__: object) -> socket.socket:
        raise AssertionError("connected")

    monkeypatch.setattr(socket, "create_connection", connected)
    attempt = outside(Mode.LIVE, tls=tls).post(f"https://{NAME}/", {}, b"{}")
    assert (AttemptResult.ADDRESS_REFUSED, None) == (attempt.result, attempt.status)
    assert [NAME] == asked


def certified(tmp_path: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    """A key with a certificate for `name`, and a context that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    path = tmp_path / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + pem
    )
    return path, ssl.create_default_context(cadata=pem.decode())


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server of one connection after another, on this machine; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    try:
                        answer(connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            stop.set()
            listening.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(("certified_for", "is_taken"), [(NAME, True), ("other.example", False)])
def test_the_certificate_is_checked_for_the_name_on_the_pinned_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, certified_for: str, is_taken: bool
) -> None:
    """The name is asked for once, said as SNI and Host, and must be the certificate's."""
    path, trusting = certified(tmp_path, certified_for)
    asked = resolving(monkeypatch, "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    named: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: named.append(name)
    requests: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            request = secure.recv(65536)
            # Closed with the body unread, the connection would be reset under the answer.
            while request and not request.endswith(b"{}"):
                request += secure.recv(65536)
            requests.append(request)
            secure.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with serving(answer) as port:
        attempt = outside(tls=trusting).post(f"https://{NAME}:{port}/hook", {}, b"{}")
    assert is_taken == attempt.is_success
    assert ([NAME], [NAME]) == (asked, named)
    if is_taken:
        assert f"Host: {NAME}:{port}\r\n".encode() in requests[0]
    else:
        assert AttemptResult.TLS_FAILED is attempt.result
        assert [] == requests


def test_an_untrusted_certificate_is_refused(tmp_path: Path, tls: ssl.SSLContext) -> None:
    """Whoever signed it for itself."""
    path, _ = certified(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)

    def answer(connection: socket.socket) -> None:
        context.wrap_socket(connection, server_side=True).close()

    with serving(answer) as port:
        attempt = outside(tls=tls).post(f"https://localhost:{port}/", {}, b"{}")
    assert AttemptResult.TLS_FAILED is attempt.result


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver: Receiver, tls: ssl.SSLContext, status: int) -> None:
    """It is an answer like any other, and no success."""
    with receiving() as target:
        receiver.statuses, receiver.headers = [status], {"Location": target.url}
        attempt = outside(tls=tls).post(receiver.url, {}, b"{}")
        assert [] == target.received
    assert (status, False) == (attempt.status, attempt.is_success)


def test_no_proxy_of_the_environment_is_asked(
    receiver: Receiver, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call goes to the address that was looked at."""
    with receiving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        attempt = outside(tls=tls).post(receiver.url, {}, b"{}")
        assert [] == proxy.received
    assert attempt.is_success


def trickle(connection: socket.socket) -> None:
    """A byte now and then, for ever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    pause = threading.Event()
    while True:
        connection.sendall(b"x")
        pause.wait(0.02)


def keep_silent(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


@pytest.mark.parametrize("answer", [trickle, keep_silent])
def test_a_slow_answer_is_cut_off(
    tls: ssl.SSLContext, answer: Callable[[socket.socket], None]
) -> None:
    """All of the call together has its time, not each read."""
    with serving(answer) as port:
        attempt = outside(seconds=0.3, tls=tls).post(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert (AttemptResult.TIMED_OUT, None) == (attempt.result, attempt.status)


def test_a_body_without_end_is_not_read(tls: ssl.SSLContext) -> None:
    """Status and headers are all that is asked."""

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with serving(answer) as port:
        attempt = outside(tls=tls).post(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert attempt.is_success


@pytest.mark.parametrize(
    "said", [b"", b"not HTTP\r\n\r\n", b"HTTP/1.1 " + b"9" * 70_000, b"HTTP/1.1 200 OK\r\n" * 200]
)
def test_what_is_no_answer_is_a_failure(tls: ssl.SSLContext, said: bytes) -> None:
    """Nothing of it reaches us as an exception."""

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(said)

    with serving(answer) as port:
        attempt = outside(tls=tls).post(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert (AttemptResult.CONNECTION_FAILED, None) == (attempt.result, attempt.status)


def test_where_nobody_listens_and_where_no_name_is(tls: ssl.SSLContext) -> None:
    """Each says which it was."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    refused = outside(tls=tls).post(f"http://127.0.0.1:{port}/", {}, b"{}")
    unknown = outside(tls=tls).post("http://nowhere.invalid/", {}, b"{}")
    assert AttemptResult.CONNECTION_FAILED is refused.result
    assert AttemptResult.NAME_UNKNOWN is unknown.result
