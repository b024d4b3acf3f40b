"""The load: one process, kept-alive connections, one request in flight on each.

It knows nothing of what it sends: bytes out, status and body in. One thread and
one epoll, so that it takes little of the processors it shares with the server.
"""

import select
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

ANSWER_SECONDS_MAX = 30
# Every so manieth body is kept, to be read afterwards.
SAMPLE_EVERY = 50
_RECEIVED_BYTES_MAX = 262_144


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to send where: `warm_up` untimed on the same connections, then `timed`.

    `seconds` bounds the sending of the latter; what is under way then is still
    waited for. With `pace` so many are sent a second, however long answers take, and
    the time of each counts from when it was to be sent.
    """

    port: int
    connections: int
    seconds: float
    warm_up: Sequence[bytes]
    timed: Sequence[bytes]
    pace: float | None = None


@dataclass(slots=True, kw_only=True)
class Answers:
    """What came back of the timed requests, by their position; bodies are a sample."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    bodies: dict[int, bytes] = field(default_factory=dict)


class ServerFailed(Exception):
    """The server closed a connection or did not answer in time."""


class Load:
    """The sending process; `begun` and `ended` are called here, around the timed part."""

    def __init__(self) -> None:
        ours, theirs = get_context("spawn").Pipe()
        self._pipe = ours
        self._process = get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Gone already, when it is what failed.
        with suppress(BrokenPipeError):
            self._pipe.send(None)
        self._process.join(timeout=5)
        if self._process.is_alive():
            self._process.kill()

    def drive(self, task: Task, *, begun: Callable[[], None], ended: Callable[[], None]) -> Answers:
        """The answers to `task`.

        Raises: ServerFailed.
        """
        self._pipe.send(task)
        self._next()
        begun()
        self._pipe.send("go")
        self._next()
        ended()
        answers = self._next()
        assert isinstance(answers, Answers)
        return answers

    def _next(self) -> object:
        said = self._pipe.recv()
        if isinstance(said, Exception):
            raise said
        return said


def _serve(pipe: Connection) -> None:
    while (task := pipe.recv()) is not None:
        try:
            with _Connections(task.port, task.connections) as connections:
                connections.send_all(task.warm_up, seconds=ANSWER_SECONDS_MAX)
                pipe.send("ready")
                pipe.recv()
                if task.pace is None:
                    answers = connections.send_all(task.timed, seconds=task.seconds)
                else:
                    answers = connections.send_paced(task.timed, task.seconds, task.pace)
                pipe.send("done")
                pipe.send(answers)
        except (OSError, ServerFailed) as error:
            pipe.send(ServerFailed(str(error)))


class _Connections:
    """Kept-alive connections to one server."""

    def __init__(self, port: int, count: int) -> None:
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS_MAX)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets[connection.fileno()] = connection
            self._poll.register(connection, select.EPOLLIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for connection in self._sockets.values():
            connection.close()
        self._poll.close()

    def send_all(self, requests: Sequence[bytes], *, seconds: float) -> Answers:
        """Sends `requests` in order for at most `seconds`, and waits for each answer."""
        answers = Answers()
        under_way: dict[int, _Exchange] = {}
        began = time.perf_counter()
        for descriptor, request in zip(self._sockets, requests, strict=False):
            under_way[descriptor] = self._send(descriptor, request, len(under_way))
        sent = len(under_way)
        while under_way:
            ready = self._poll.poll(ANSWER_SECONDS_MAX)
            if not ready:
                raise ServerFailed(f"no answer for {ANSWER_SECONDS_MAX} seconds")
            for descriptor, _ in ready:
                exchange = under_way[descriptor]
                if not exchange.receive(self._sockets[descriptor]):
                    continue
                now = time.perf_counter()
                exchange.note(answers, now)
                if sent < len(requests) and now - began < seconds:
                    under_way[descriptor] = self._send(descriptor, requests[sent], sent)
                    sent += 1
                else:
                    del under_way[descriptor]
        answers.seconds = time.perf_counter() - began
        return answers

    def send_paced(self, requests: Sequence[bytes], seconds: float, pace: float) -> Answers:
        """Sends a request every `1 / pace` seconds, late only where no connection is free."""
        answers = Answers()
        idle, under_way = list(self._sockets), dict[int, _Exchange]()
        began = time.perf_counter()
        wanted = min(len(requests), int(seconds * pace))
        sent = 0
        while sent < wanted or under_way:
            now = time.perf_counter()
            while idle and sent < wanted and now >= began + sent / pace:
                descriptor = idle.pop()
                under_way[descriptor] = self._send(descriptor, requests[sent], sent)
                # A queue before the door is part of the time, as callers see it.
                under_way[descriptor].began = began + sent / pace
                sent += 1
            pause = max(0.0, began + sent / pace - now) if idle and sent < wanted else 0.05
            for descriptor, _ in self._poll.poll(pause):
                exchange = under_way[descriptor]
                if exchange.receive(self._sockets[descriptor]):
                    exchange.note(answers, time.perf_counter())
                    del under_way[descriptor]
                    idle.append(descriptor)
            if time.perf_counter() - began > seconds + ANSWER_SECONDS_MAX:
                raise ServerFailed(f"no answer for {ANSWER_SECONDS_MAX} seconds")
        answers.seconds = time.perf_counter() - began
        return answers

    def _send(self, descriptor: int, request: bytes, position: int) -> "_Exchange":
        exchange = _Exchange(position=position, began=time.perf_counter())
        self._sockets[descriptor].sendall(request)
        return exchange


@dataclass(slots=True, kw_only=True)
class _Exchange:
    """A request under way, and as much of its answer as has come."""

    position: int
    began: float
    received: bytes = b""
    body_at: int = 0
    length: int = 0

    def receive(self, connection: socket.socket) -> bool:
        """Whether the answer is complete with what `connection` has now."""
        data = connection.recv(_RECEIVED_BYTES_MAX)
        if not data:
            raise ServerFailed("the server closed a connection")
        self.received += data
        if not self.body_at:
            head, separator, _ = self.received.partition(b"\r\n\r\n")
            if not separator:
                return False
            self.body_at = len(head) + len(separator)
            self.length = _content_length(head)
        return len(self.received) >= self.body_at + self.length

    def note(self, answers: Answers, now: float) -> None:
        """Writes the complete answer down."""
        answers.latencies.append(now - self.began)
        # "HTTP/1.1 200 OK"
        answers.statuses.append(int(self.received[9:12]))
        if self.position % SAMPLE_EVERY == 0:
            answers.bodies[self.position] = self.received[self.body_at :]


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    raise ServerFailed("an answer without Content-Length")
