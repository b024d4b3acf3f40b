"""The wire of imports: newline-delimited JSON in, progress and problems out.

Source: docs/protocol.md, section 3.
"""

from marshmallow import ValidationError, fields

from registry.http.fields import AnswerSchema, Moment, OneOf
from registry.http.problems import RequestInvalid, schema_errors
from registry.incidents.import_model import ImportState
from registry.incidents.model import Report
from registry.incidents.report_reading import read_report_text
from registry.incidents.schemas import ReportSchema
from registry.kernel import strict_json

MEDIA_TYPES = frozenset({"application/x-ndjson", "application/jsonl"})

_report_schema = ReportSchema()


def read_line(data: bytes) -> Report:
    """The report on one line, held to everything that the body of a single report is.

    Raises: MalformedJson, RequestInvalid.
    """
    report = read_report_text(data)
    if report is not None:
        return report
    document = strict_json.parse(data)
    try:
        loaded = _report_schema.load(document)
    except ValidationError as error:
        raise RequestInvalid(errors=schema_errors(error.messages)) from error
    assert isinstance(loaded, Report)
    return loaded


class ImportFactsSchema(AnswerSchema):
    """How far an import is; `filed`, `repeated` and `refused` add up to `done`."""

    id = fields.String(required=True)
    state = OneOf(ImportState, required=True)
    bytes_total = fields.Integer(required=True)
    reports = fields.Integer(required=True)
    done = fields.Integer(required=True)
    filed = fields.Integer(required=True)
    repeated = fields.Integer(required=True)
    refused = fields.Integer(required=True)
    accepted_at = Moment(required=True)
    ended_at = Moment(required=True, allow_none=True)


class AcceptedImportSchema(AnswerSchema):
    """An import that was taken in."""

    # Under its wire name, which is a word of Python.
    current = fields.Nested(ImportFactsSchema, required=True, data_key="import")


class LineProblemSchema(AnswerSchema):
    """Why a line was refused: the problem a single report would have had."""

    line = fields.Integer(required=True)
    reference = fields.String(required=True, allow_none=True)
    problem = fields.Raw(required=True, metadata={"$ref": "#/components/schemas/Problem"})


class ImportSchema(AcceptedImportSchema):
    """An import, and a page of its problems; the Link header leads to the next one."""

    problems = fields.List(fields.Nested(LineProblemSchema), required=True)


class ImportPageSchema(AnswerSchema):
    """A furnisher's imports, oldest first; the Link header leads to the next page."""

    imports = fields.List(fields.Nested(ImportFactsSchema), required=True)
