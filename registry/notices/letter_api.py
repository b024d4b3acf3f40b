"""The doors of furnishers as messengers. Source: docs/protocol.md, section 10."""

from typing import Any
from uuid import UUID

from flask import url_for

from registry.http.blueprint import Blueprint
from registry.http.caller import Call, Scope
from registry.http.openapi import describe_problems
from registry.http.signed import signed
from registry.http.wiring import the
from registry.incidents.schemas import PageQuerySchema
from registry.kernel.ids import Prefix, parse_id
from registry.kernel.paging import CursorUnreadable, decode_cursor, encode_cursor
from registry.notices.letter_model import (
    DeliveryImpossible,
    LetterDelivered,
    LetterDelivery,
    LetterNotFound,
)
from registry.notices.letter_schemas import (
    LetterDeliverySchema,
    LetterPageSchema,
    LetterSchema,
    letter_document,
    waiting_document,
)
from registry.notices.letters import Letters

blueprint = Blueprint("letters", __name__, description="Letters to people, by messenger")


@blueprint.route("/v1/letters", methods=["GET"])
@signed(scope=Scope.ANSWER_APPEALS)
@blueprint.arguments(PageQuerySchema, location="query")
@blueprint.response(200, LetterPageSchema)
def list_letters(call: Call, query: dict[str, Any]) -> Any:
    """List the letters you are to deliver, with their texts."""
    page = the(Letters).waiting(
        call.transaction, call.caller.member, after=_after(query), items_max=query["limit"]
    )
    headers = {"Cache-Control": "no-store"}
    if page.next_after is not None:
        target = url_for(
            "letters.list_letters", cursor=encode_cursor(page.next_after), limit=query["limit"]
        )
        headers["Link"] = f'<{target}>; rel="next"'
    return {"letters": [waiting_document(each) for each in page.items]}, 200, headers


@blueprint.route("/v1/letters/<letter_id>/delivery", methods=["POST"])
@signed(scope=Scope.ANSWER_APPEALS)
@describe_problems(LetterNotFound, LetterDelivered, DeliveryImpossible)
@blueprint.arguments(LetterDeliverySchema)
@blueprint.response(200, LetterSchema)
def record_delivery(call: Call, delivery: LetterDelivery, letter_id: str) -> Any:
    """Say that a letter has reached the person, with the digest of the proof."""
    try:
        uuid = parse_id(Prefix.LETTER, letter_id)
    except ValueError:
        raise LetterNotFound from None
    letter = the(Letters).record_delivery(
        call.transaction, call.caller.member, uuid, delivery, call.now
    )
    return letter_document(letter)


def _after(query: dict[str, Any]) -> UUID | None:
    if "cursor" not in query:
        return None
    try:
        return parse_id(Prefix.LETTER, decode_cursor(query["cursor"]))
    except ValueError:
        raise CursorUnreadable from None
