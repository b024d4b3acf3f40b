"""The wire of letters that furnishers deliver."""

from typing import Any

from marshmallow import fields, post_load

from registry.http.fields import AnswerSchema, Moment, OneOf, StrictSchema, Word
from registry.notices.letter_model import (
    Letter,
    LetterChannel,
    LetterDelivery,
    LetterState,
    LetterTemplate,
)
from registry.notices.letters import WaitingLetter


class LetterDeliverySchema(StrictSchema):
    """That a letter has reached the person; `proof` is the digest of what shows it."""

    delivered_at = Moment(required=True)
    channel = OneOf(LetterChannel, required=True)
    proof = Word("sha256:[0-9a-f]{64}", longest=71, required=True)

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> LetterDelivery:
        return LetterDelivery(
            delivered_at=data["delivered_at"],
            channel=data["channel"],
            proof=bytes.fromhex(data["proof"].removeprefix("sha256:")),
        )


class LetterTextSchema(AnswerSchema):
    """The same in both languages."""

    en = fields.String(required=True)
    zh = fields.String(required=True)


class LetterSchema(AnswerSchema):
    """A letter to be handed to the person as it is, in both languages or the person's own."""

    id = fields.String(required=True)
    template = OneOf(LetterTemplate, required=True)
    incident = fields.String(required=True, allow_none=True)
    state = OneOf(LetterState, required=True)
    created_at = Moment(required=True)
    due_at = Moment(required=True, allow_none=True)
    escalated_at = Moment(required=True, allow_none=True)


class WaitingLetterSchema(LetterSchema):
    """A letter that waits, with what it says."""

    subject = fields.Nested(LetterTextSchema, required=True)
    text = fields.Nested(LetterTextSchema, required=True)


class LetterPageSchema(AnswerSchema):
    """Letters that wait with a furnisher, oldest first."""

    letters = fields.List(fields.Nested(WaitingLetterSchema), required=True)


def letter_document(letter: Letter) -> dict[str, Any]:
    """What `LetterSchema` dumps. Any: it is on its way to JSON."""
    return {
        "id": letter.id,
        "template": letter.template,
        "incident": letter.incident,
        "state": letter.state,
        "created_at": letter.created_at,
        "due_at": letter.due_at,
        "escalated_at": letter.escalated_at,
    }


def waiting_document(waiting: WaitingLetter) -> dict[str, Any]:
    """What `WaitingLetterSchema` dumps."""
    text = {"subject": waiting.text.subject, "text": waiting.text.text}
    return letter_document(waiting.letter) | text
