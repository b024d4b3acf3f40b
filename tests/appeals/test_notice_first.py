"""Nobody's incident counts before they were told, whether the registry can reach them or not."""

from tests.appeals.town import NUMBER, REASONS, Town, lodge, ok
from tests.incidents.door import document
from tests.subjects.person import PHONE, token_of


def test_what_was_not_told_before_is_not_filed_and_what_was_counts_after_a_week(
    town: Town,
) -> None:
    """Of somebody who never gave the registry an address; the furnisher is the messenger."""
    identity = {**token_of(town.node, PHONE, NUMBER), "last_verified_on": "2026-10-01"}
    untold = document(reference="untold", identities=[identity], notice=None)
    refused = town.platform.call("POST", "/v1/incidents", untold)
    assert 422 == refused.status_code
    assert any(each["pointer"].startswith("/notice") for each in refused.json["errors"])
    assert 0 == town.count("incidents")
    incident = town.file()
    assert "N" == town.look_up()["band"]
    shown = ok(town.platform.call("GET", f"/v1/incidents/{incident}"))
    assert "noticed" == shown["state"]
    town.move(days=8)
    assert town.look_up()["score"] < 830


def test_whoever_was_not_told_is_rid_of_it_unless_delivery_is_proved(town: Town) -> None:
    """The furnisher's word was enough to file; contested, it needs evidence."""
    incident = town.file()
    town.move(days=8)
    person = town.person()
    appeal = lodge(person, incident, "notice_missing")
    assert "relayed" == appeal["state"]
    bare = {"stance": "stands", "reasons": REASONS}
    ok(town.platform.call("POST", f"/v1/appeals/{appeal['id']}/answer", bare))
    mine = ok(person.call("GET", f"/v1/subject/appeals/{appeal['id']}"))["appeal"]
    assert ("closed", "overturned", "playbook") == (mine["state"], mine["outcome"], mine["basis"])
    assert "N" == town.look_up()["band"]
