"""What people read of corrections of their record. Source: docs/protocol.md, section 9."""

from typing import Any

from registry.http.blueprint import Blueprint
from registry.http.openapi import describe_problems
from registry.http.wiring import the
from registry.kernel.clock import format_instant
from registry.kernel.ids import IncidentId
from registry.notices.correction_model import Correction
from registry.subjects.corrections import NothingCorrected, OwnCorrections
from registry.subjects.model import ProofNeeded
from registry.subjects.own import SubjectCall, own, recorded
from registry.subjects.record_schemas import CertificateSchema, OwnCorrectionsSchema

blueprint = Blueprint("own_corrections", __name__, description="What was corrected of one's record")


@blueprint.route("/v1/subject/corrections", methods=["GET"])
@own()
@describe_problems(ProofNeeded)
@blueprint.response(200, OwnCorrectionsSchema)
def list_own_corrections(call: SubjectCall) -> dict[str, Any]:
    """List what was corrected of one's own record, newest first."""
    found = the(OwnCorrections).of(call.transaction, call.subject)
    incidents = sorted({each.incident for each in found})
    return {
        "corrections": [_document(each) for each in found],
        "receipt": recorded(call, "corrections", {"incidents": incidents}),
    }


@blueprint.route("/v1/subject/corrections/<incident_id>/certificate", methods=["GET"])
@own()
@describe_problems(ProofNeeded, NothingCorrected)
@blueprint.response(200, CertificateSchema)
def show_certificate(call: SubjectCall, incident_id: str) -> dict[str, Any]:
    """Have the node sign who was told of a correction, and who has answered."""
    incident = IncidentId(incident_id)
    certificate = the(OwnCorrections).certificate(
        call.transaction, call.subject, incident, call.now
    )
    return {
        "certificate": certificate,
        "receipt": recorded(call, "certificate", {"incidents": [incident]}),
    }


def _document(correction: Correction) -> dict[str, Any]:
    return {
        "id": correction.id,
        "incident": correction.incident,
        "kind": correction.kind.value,
        "at": format_instant(correction.at),
        "entry": correction.entry,
        "is_complete": correction.traced_at is not None,
    }
