"""A lookup as one would write it by hand: Flask, psycopg, PyJWT, one transaction.

The same reads and the same durable write as the registry's, and the signature's check;
no score, no commitments, no receipt. It writes a table of its own.
"""

import hashlib
import json
import threading
import uuid
from datetime import UTC, datetime
from typing import Any

import jwt
import psycopg
from flask import Flask, Response, request

from registry.app.node import assemble
from registry.kernel import base64url
from registry.settings import Settings

CREATE = (
    "CREATE TABLE IF NOT EXISTS handwritten_entries (id bytea PRIMARY KEY, member text,"
    " purpose text, at timestamptz, entry bytea, subject bytea, signed_request text,"
    " lookup_keys bytea)"
)
_local = threading.local()


def create_app() -> Flask:
    """The application, with the members' keys read once."""
    settings = Settings.load()
    node = assemble(settings)
    protector = node.protector
    url = settings.database_url.replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        connection.execute(CREATE)
        rows = connection.execute("SELECT kid, member_id, jwk FROM member_keys").fetchall()
    keys = {kid: (member, jwt.PyJWK(jwk).key) for kid, member, jwk in rows}
    app = Flask("handwritten", static_folder=None)

    @app.post("/v1/lookups")
    def look_up() -> Any:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        member, key = keys[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(token, key, algorithms=["EdDSA"], audience=settings.origin)
        body = request.get_data()
        digest = base64url.encode(hashlib.sha256(body).digest())
        if (claims["iss"], claims["htm"], claims["htu"], claims["bsh"]) != (
            member,
            request.method,
            request.path,
            digest,
        ):
            return Response(status=401)
        asked = json.loads(body)
        lookup_keys = [
            protector.lookup_key(protector.seed_of(base64url.decode(each["token"])))
            for each in asked["identities"]
        ]
        answer = _in_one_transaction(url, member, claims, asked, token, lookup_keys)
        return Response(status=401) if answer is None else answer

    return app


def _in_one_transaction(
    url: str,
    member: str,
    claims: dict[str, Any],
    asked: dict[str, Any],
    token: str,
    lookup_keys: list[bytes],
) -> dict[str, Any] | None:
    now, identifier = datetime.now(UTC), uuid.uuid4()
    connection = getattr(_local, "connection", None)
    if connection is None:
        connection = _local.connection = psycopg.connect(url)
    with connection.transaction():
        seen = connection.execute(
            "INSERT INTO seen_requests (issuer, jti, expires_at_seconds) VALUES (%s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            (member, base64url.decode(claims["jti"]), claims["exp"] + 30),
        )
        if seen.rowcount != 1:
            return None
        connection.execute("SELECT version FROM directory_version").fetchone()
        found = connection.execute(
            "SELECT lookup_key, contributions FROM standings WHERE lookup_key = ANY(%s)",
            (lookup_keys,),
        ).fetchall()
        connection.execute(
            "INSERT INTO handwritten_entries VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            (
                identifier.bytes,
                member,
                asked["purpose"],
                now,
                bytes(92),
                json.dumps(asked["identities"]).encode(),
                token,
                b"".join(lookup_keys),
            ),
        )
    incidents = [each for _, text in found for each in json.loads(text)]
    return {
        "lookup": {"id": str(identifier), "at": now.isoformat()},
        "match": "match" if incidents else "none",
        "incidents": {"active": len(incidents)},
    }
