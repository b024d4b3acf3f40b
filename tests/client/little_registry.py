"""A registry small enough to read, written from docs/protocol.md apart from the product.

It checks signed requests with joserfc, signs receipts with joserfc, and
misbehaves on demand: what stands in `script` is played before anything else.
"""

import base64
import hashlib
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey

from registry.crypto import voprf
from tests.client.little_log import ENTRY, ENTRY_BYTES, HEADER, SALT, SUBJECT, b64u, unb64u

FEDERATION = "test-federation"
KEY_ID = "k1"
LOOKUP = "lkp_01992f5e-7c00-7abc-8def-0123456789ab"
INCIDENT = "inc_01992f5e-7c00-7abc-8def-0123456789ab"


@dataclass
class Reply:
    """What to answer with instead of the truth."""

    status: int
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)


class Drop:
    """Close the connection at once."""


class DropAfterWork:
    """Do what was asked, then close the connection."""


@dataclass
class Seen:
    """A request that arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    claims: dict[str, Any] | None
    header: dict[str, Any] | None
    peer: tuple[str, int]

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class LittleRegistry:
    """The server, and everything a test may look at or change."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.member = "mem_01992f5e-7c00-7abc-8def-0123456789ab"
        self.member_key: OKPKey | ECKey | None = None
        self.mode = "sandbox"
        self.kid = ""
        self.oprf = voprf.generate_key_pair()
        self.node_key = OKPKey.generate_key("Ed25519")
        self.key_id = KEY_ID
        self.federation = FEDERATION
        self.script: deque[Any] = deque()
        self.seen: list[Seen] = []
        self.jtis: set[str] = set()
        self.kept: dict[str, Reply] = {}
        self.by_reference: dict[str, dict[str, Any]] = {}
        self.lookups_made = 0
        self.evaluated = 0
        self.origin = ""
        self.released = threading.Event()
        self.lock = threading.Lock()

    # -- documents

    def well_known(self) -> dict[str, Any]:
        raw = unb64u(str(self.node_key.as_dict(private=False)["x"]))
        name = "log.example/incidents"
        key_hash = hashlib.sha256(name.encode() + b"\n\x01" + raw).hexdigest()[:8]
        encoded = base64.b64encode(b"\x01" + raw).decode()
        vkey = f"{name}+{key_hash}+{encoded}"
        public = b64u(self.oprf.public)
        return {
            "federation": self.federation,
            "origin": self.origin,
            "edition": "cn-2026.1",
            "api": "v1",
            "mode": self.mode,
            "keys": [
                {
                    "key_id": self.key_id,
                    "suite": "ristretto255-SHA512",
                    "public_key": public,
                    "threshold": 1,
                    "nodes": [{"origin": self.origin, "share_public_key": public}],
                    "status": "current",
                }
            ],
            "logs": [
                {"name": "incidents", "origin": name, "vkey": vkey},
                {"name": "access", "origin": name, "vkey": vkey},
            ],
            "a_later_member": True,
        }

    def receipt(self, log: str, /, **changes: Any) -> str:
        now = int(self.now().timestamp())
        claims = {
            "iss": self.origin,
            "log": log,
            "entry": ENTRY,
            "leaf": b64u(hashlib.sha256(b"\x00" + ENTRY_BYTES).digest()),
            "iat": now,
            "merge_by": now + 60,
        } | changes
        header = {"alg": "EdDSA", "kid": self.node_key.thumbprint(), "typ": "ccr-receipt+jwt"}
        return jws.serialize_compact(
            header, json.dumps(claims).encode(), self.node_key, algorithms=["EdDSA"]
        )

    def incident(self, **changes: Any) -> dict[str, Any]:
        return {
            "id": INCIDENT,
            "state": "noticed",
            "effective_at": "2026-10-13T03:00:00Z",
            "expires_on": "2029-10-01",
            "edition": "cn-2026.1",
            "severity": "S3",
        } | changes

    def lookup(self) -> dict[str, Any]:
        return {
            "lookup": {
                "id": LOOKUP,
                "at": "2026-11-20T08:00:00Z",
                "edition": "cn-2026.1",
                "valid_until": "2026-11-21T08:00:00Z",
            },
            "match": "match",
            "band": "B",
            "score": 741,
            "reasons": [
                {"code": "B101", "points": 89, "text": {"en": "Forged damage", "zh": "伪造破损"}}
            ],
            "incidents": {
                "active": 1,
                "under_appeal": 0,
                "furnishers": 1,
                "latest_on": "2026-10-01",
            },
            "protective": ["V402"],
            "advice": "ask_for_return",
            "statement": "I sent it back in full. 已全部退回。",
            "adverse_action_notice": {"en": "You may see it.", "zh": "您可以查看。"},
            "receipt": self.receipt("access"),
        }

    # -- what it does

    def answer(self, seen: Seen) -> Reply:
        """The truth."""
        path = seen.target.partition("?")[0]
        if path == "/.well-known/consumer-credit-registry":
            return Reply(200, self.well_known())
        if path == "/v1/rulebook":
            return Reply(
                200, {"current": "cn-2026.1", "editions": ["cn-2026.1"], "edition": {"codes": {}}}
            )
        refusal = self.refusal(seen)
        if refusal is not None:
            return self.problem(401, "not-authenticated", refusal)
        key = seen.headers.get("idempotency-key")
        with self.lock:
            if key is not None and key in self.kept:
                return self.kept[key]
            reply = self.work(seen, path)
            if key is not None and reply.status < 500:
                self.kept[key] = reply
            return reply

    def work(self, seen: Seen, path: str) -> Reply:
        match (seen.method, path.strip("/").split("/")):
            case ("POST", ["v1", "evaluations"]):
                return self.evaluate(seen.document)
            case ("POST", ["v1", "incidents"]):
                return self.file(seen.document)
            case ("GET", ["v1", "incidents"]):
                return self.page(seen.target)
            case ("GET", ["v1", "incidents", id_]):
                return Reply(
                    200, self.incident(id=id_, reference="R-1", code="B101"), {"ETag": '"v7"'}
                )
            case ("PATCH", ["v1", "incidents", _]):
                return Reply(200, self.filed(self.incident()))
            case ("POST", ["v1", "incidents", _, "withdrawal"]):
                return Reply(200, self.filed(self.incident(state="withdrawn")))
            case ("POST", ["v1", "lookups"]):
                self.lookups_made += 1
                return Reply(200, self.lookup())
            case ("POST", ["v1", "lookups", "batch"]):
                return Reply(200, {"results": list(map(self.one, seen.document["lookups"]))})
            case ("POST", ["v1", "lookups", id_, "outcome"]):
                recorded = {"lookup": id_, "recorded_at": "2026-11-20T09:00:00Z"}
                return Reply(201, recorded | {"receipt": self.receipt("access")})
            case ("GET", ["v1", "receipts", _]):
                return Reply(200, self.entry())
        return self.problem(404, "nothing-here", "There is nothing at this address")

    def refusal(self, seen: Seen) -> str | None:
        """What is wrong with the signed request."""
        if seen.claims is None or seen.header is None:
            return "no signature verifies"
        claims, now = seen.claims, self.now().timestamp()
        wanted = {"iss", "sub", "aud", "iat", "exp", "jti", "htm", "htu"}
        wanted |= {"bsh"} if seen.body else set()
        checks = {
            "header": set(seen.header) == {"alg", "kid", "typ"},
            "typ": seen.header["typ"] == "ccr-request+jwt",
            "kid": seen.header["kid"] == self.kid,
            "claims": set(claims) == wanted,
            "iss": claims["iss"] == claims["sub"] == self.member,
            "aud": claims["aud"] == self.origin,
            "times": claims["iat"] - 30 <= now < claims["exp"] + 30,
            "horizon": claims["iat"] < claims["exp"] <= claims["iat"] + 120,
            "jti": len(unb64u(claims["jti"])) == 16 and claims["jti"] not in self.jtis,
            "htm": claims["htm"] == seen.method,
            "htu": claims["htu"] == seen.target,
            "bsh": claims.get("bsh", "")
            == (b64u(hashlib.sha256(seen.body).digest()) if seen.body else ""),
        }
        self.jtis.add(claims["jti"])
        return next((name for name, holds in checks.items() if not holds), None)

    def problem(self, status: int, slug: str, detail: str, **more: Any) -> Reply:
        document = {
            "type": f"{self.origin}/problems/{slug}",
            "title": slug.replace("-", " ").capitalize(),
            "status": status,
            "detail": detail,
            "instance": "urn:uuid:0f4dd8b4-2c49-4e8c-a2ba-5a2a1a9a6c11",
        } | more
        return Reply(status, document, {"Content-Type": "application/problem+json"})

    def evaluate(self, document: dict[str, Any]) -> Reply:
        if document["key_id"] != self.key_id:
            return self.problem(422, "evaluation-key-not-known", "No such key.")
        blinded = [unb64u(text) for text in document["blinded"]]
        assert 1 <= len(blinded) <= 64
        self.evaluated += len(blinded)
        evaluation = voprf.evaluate(self.oprf, blinded)
        return Reply(
            200,
            {
                "key_id": self.key_id,
                "evaluated": [b64u(element) for element in evaluation.elements],
                "proof": b64u(evaluation.proof),
            },
        )

    def file(self, report: dict[str, Any]) -> Reply:
        missing = [name for name in ("reference", "code", "reviewers") if name not in report]
        if missing:
            errors = [
                {"pointer": f"/{name}", "code": "missing", "detail": "Missing."} for name in missing
            ]
            return self.problem(422, "request-invalid", "It does not fit.", errors=errors)
        known = self.by_reference.setdefault(report["reference"], report)
        if known is not report:
            return Reply(200 if known == report else 409, self.filed(self.incident()))
        return Reply(201, self.filed(self.incident()), {"ETag": '"v1"'})

    def filed(self, incident: dict[str, Any]) -> dict[str, Any]:
        return {"incident": incident, "receipt": self.receipt("incidents")}

    def page(self, target: str) -> Reply:
        if "cursor=2" in target:
            return Reply(200, {"incidents": [self.incident(state="active")]})
        link = f'<{self.origin}/v1/incidents?cursor=2>; rel="next"'
        return Reply(200, {"incidents": [self.incident(), self.incident()]}, {"Link": link})

    def one(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["order"] == "refused":
            problem = self.problem(403, "purpose-not-granted", "Not granted.").body
            return {"status": 403, "problem": problem}
        return {"status": 200, "answer": self.lookup()}

    def entry(self) -> dict[str, Any]:
        return {
            "entry": b64u(ENTRY_BYTES),
            "opening": {"header": HEADER, "subject": SUBJECT, "k_h": b64u(SALT), "k_s": b64u(SALT)},
            "inclusion": None,
            "checkpoint": None,
        }

    def to(self, path: str) -> list[Seen]:
        """The requests that came to one path."""
        return [seen for seen in self.seen if seen.target.partition("?")[0] == path]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: LittleRegistry

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        header, claims = self._verified(headers.get("authorization", ""))
        seen = Seen(self.command, self.path, headers, body, claims, header, self.client_address)
        self.registry.seen.append(seen)
        script = self.registry.script
        scripted = script.popleft() if script else None
        if isinstance(scripted, Drop):
            self.close_connection = True
            return
        reply = scripted(seen) if callable(scripted) else scripted
        if not isinstance(reply, Reply):
            reply = self.registry.answer(seen)
        if isinstance(scripted, DropAfterWork):
            self.close_connection = True
            return
        self._send(reply)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _handle  # noqa: N815 - http.server's names

    def _verified(self, authorization: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        if not authorization.startswith("Bearer ") or self.registry.member_key is None:
            return None, None
        signed = jws.deserialize_compact(
            authorization.removeprefix("Bearer "),
            self.registry.member_key,
            algorithms=["EdDSA", "ES256"],
        )
        return dict(signed.headers()), json.loads(signed.payload)

    def _send(self, reply: Reply) -> None:
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "X-Request-ID": "0f4dd8b4-2c49-4e8c-a2ba-5a2a1a9a6c11",
            "Date": format_datetime(self.registry.now(), usegmt=True),
        } | reply.headers
        self.send_response_only(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def running(now: Callable[[], datetime]) -> Iterator[LittleRegistry]:
    """A registry on a free port of this machine, until the end of the block."""
    registry = LittleRegistry(now)
    handler = type("Handler", (_Handler,), {"registry": registry})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    registry.origin = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield registry
    finally:
        registry.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
