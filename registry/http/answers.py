"""JSON answers whose documents are written by hand."""

from collections.abc import Mapping

import orjson
from flask import Response


def json_text(document: object) -> str:
    """A document as it is sent, by either door."""
    return orjson.dumps(document).decode()


def json_response(
    document: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer that carries `document`."""
    return Response(
        json_text(document), status=status, headers=headers, content_type="application/json"
    )
