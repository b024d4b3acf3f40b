"""What a lookup says as time passes: nothing acts but the clock."""

from datetime import datetime, timedelta

from registry.kernel.clock import format_instant
from tests.lookups.samples import Market, at_midnight

MOMENT = timedelta(microseconds=1)


def test_an_incident_takes_effect_a_week_after_the_notice_to_the_moment(market: Market) -> None:
    """One microsecond before nothing is known, from then on it is."""
    now = market.clock.now()
    notice = {"delivered_at": format_instant(now), "channel": "sms", "reply": "considered"}
    market.report("ming", notice=notice)
    market.clock.move(timedelta(days=7) - MOMENT)
    assert ("none", "N") == tuple(market.ask("ming")[each] for each in ("match", "band"))
    market.clock.move(MOMENT)
    assert "match" == market.ask("ming")["match"]


def test_an_incident_leaves_every_answer_on_the_day_it_expires(market: Market) -> None:
    """At midnight of the edition's zone, after decay has brought it to nothing."""
    filed = market.report("ming")["incident"]
    expires_at = at_midnight(datetime.fromisoformat(filed["expires_on"]).date())
    market.clock.move(expires_at - market.clock.now() - MOMENT)
    last = market.ask("ming")
    assert ("match", 830, "A", []) == tuple(
        last[each] for each in ("match", "score", "band", "reasons")
    )
    market.clock.move(MOMENT)
    gone = market.ask("ming")
    assert ("none", None, "N") == tuple(gone[each] for each in ("match", "score", "band"))


def test_a_score_only_recovers_with_time(market: Market) -> None:
    """Day by day, without a job that visits anyone, back to the clean start."""
    for code, days in (("B110", 20), ("B113", 12)):
        occurred_on = (market.today - timedelta(days=days)).isoformat()
        market.report("ming", code=code, occurred_on=occurred_on)
    scores = []
    for _ in range(12):
        scores.append(market.ask("ming")["score"])
        market.clock.move(timedelta(days=61))
    assert sorted(scores) == scores
    # One group takes 120 points and no more.
    assert 710 == scores[0]
    assert 780 < scores[-1] < 830


def test_a_marker_protects_for_thirteen_months(market: Market) -> None:
    """And is then gone, having cost nothing."""
    marker = market.filing("ming", code="V402", role="protective")
    for accusation in ("intent", "decision", "notice", "confirmed_on"):
        del marker[accusation]
    marker["evidence"][1]["class"] = "E5"
    filed = market.furnisher.call("POST", "/v1/incidents", marker).json["incident"]
    assert ["V402"] == market.ask("ming")["protective"]
    expires_on = datetime.fromisoformat(filed["expires_on"]).date()
    assert 390 <= (expires_on - market.today).days <= 400
    market.clock.move(at_midnight(expires_on) - market.clock.now())
    assert [] == market.ask("ming")["protective"]


def test_an_answer_is_valid_for_a_day(market: Market) -> None:
    """From the instant it was given, which is the rules' clock's."""
    lookup = market.ask("ming")["lookup"]
    at = datetime.fromisoformat(lookup["at"])
    assert market.clock.now() == at
    assert at + timedelta(hours=24) == datetime.fromisoformat(lookup["valid_until"])
