"""The wire of the reviewers' calls. Source: docs/protocol.md, section 11."""

from typing import Any

from marshmallow import ValidationError, fields, validates

from registry.appeals.filed_schemas import FiledForReviewersSchema, filed_document
from registry.appeals.model import REASONS_CHARACTERS_MAX, REASONS_CHARACTERS_MIN
from registry.appeals.review import BlockWord, CaseForReviewers
from registry.appeals.schemas import Party, WholeAppealSchema, shown_document
from registry.http.fields import OneOf, Prose, StrictSchema, Text, Word
from registry.kernel.names import plain_name

_FILE_ID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class ReviewerSchema(StrictSchema):
    """Which of the operator's staff acts."""

    reviewer = Text(longest=64, required=True)

    @validates("reviewer")
    def require_name(self, value: str, **_: Any) -> None:
        """Whoever acts has a name."""
        if not plain_name(value):
            raise ValidationError("There is nothing in it.")


class FileViewSchema(ReviewerSchema):
    """Which file a reviewer opens."""

    file = Word(_FILE_ID, longest=36, required=True)


class ReviewDecisionSchema(ReviewerSchema):
    """One reviewer's word."""

    ruling = Word("upheld|overturned", longest=16, required=True)
    reasons = Prose(shortest=REASONS_CHARACTERS_MIN, longest=REASONS_CHARACTERS_MAX, required=True)


class BlockWordSchema(ReviewerSchema):
    """What a reviewer does about a block for identity theft."""

    block = OneOf(BlockWord, required=True)
    reasons = Prose(shortest=REASONS_CHARACTERS_MIN, longest=REASONS_CHARACTERS_MAX, required=True)


class ViewedAppealSchema(WholeAppealSchema):
    """A case as a reviewer sees it, what was filed, and the receipt of the look."""

    filed = fields.Nested(
        FiledForReviewersSchema,
        required=True,
        allow_none=True,
        metadata={"description": "Null once it is decided for good, or the incident is over"},
    )
    receipt = fields.String(required=True)


def viewed_document(seen: CaseForReviewers) -> dict[str, Any]:
    """What the schemas dump of a case that a reviewer reads."""
    return {
        "appeal": shown_document(seen.shown, Party.REVIEWER),
        "filed": seen.filed and filed_document(seen.filed),
        "receipt": seen.receipt,
    }
