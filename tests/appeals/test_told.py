"""What the person is told of an appeal: each end by a letter that says what became of it."""

from datetime import timedelta

from registry.appeals.model import Appeal, Ground, Link, Milestone, Stance
from registry.appeals.review import BlockWord
from registry.appeals.schemas import Party, shown_document
from registry.incidents.model import Amendment, Course
from registry.incidents.rulings import Ruling
from registry.notices.catalogue import Catalogue
from registry.notices.letter_model import LetterTemplate
from tests.appeals.world import REASONS, AppealsWorld
from tests.incidents.world import ORIGIN, WEEK
from tests.rulebook.filings import proved

POLICE = "The police report was shown to us and is of another day."


def letters_of(world: AppealsWorld, appeal: Appeal) -> list[str]:
    return [name for name, facts in world.outbox.letters if facts.get("appeal") == appeal.id]


def last_letter(world: AppealsWorld) -> tuple[str, str]:
    name, facts = world.outbox.letters[-1]
    return name, facts["reasons"]


def test_what_is_settled_at_once_is_told_once(world: AppealsWorld):
    """No word that somebody looks into it, or that it is decided later."""
    same = {"occurred_on": proved().occurred_on, "order": "order-1"}
    first = world.filed("B110", **same)
    world.move(timedelta(seconds=1))
    assert ["appeal_overturned"] == letters_of(world, world.lodge(world.filed("B110", **same)))
    with world.call() as call:
        world.incidents.withdraw(call, first.id, None, None)
    assert ["appeal_overturned"] == letters_of(world, world.lodge(first))
    old = world.filed("B101")
    world.move(timedelta(days=4 * 366))
    assert ["appeal_ended"] == letters_of(world, world.lodge(old))
    assert "had run out" in last_letter(world)[1]


def test_an_answer_without_proof_is_the_reason_that_is_told(world: AppealsWorld):
    """Not what the person was told when they lodged it."""
    for code, ground in (("B101", Ground.NOTICE_MISSING), ("B112", Ground.EVIDENCE_FORGED)):
        appeal = world.lodge(world.filed(code), ground)
        if ground is Ground.EVIDENCE_FORGED:
            world.acknowledge(appeal)
        world.answer(appeal, evidence=0)
        name, reasons = last_letter(world)
        assert "appeal_overturned" == name
        assert "did not name the evidence" in reasons
        assert "未列明" in reasons
        assert "You say" not in reasons


def test_the_last_word_offers_no_second_decision(world: AppealsWorld):
    """The first upholding says until when others can be asked; that of those others does not."""
    appeal = world.lodge(world.filed())
    world.answer(appeal)
    world.decide(appeal, Ruling.UPHELD)
    name, facts = world.outbox.letters[-1]
    asked_by = world.stored(appeal).deadlines[Milestone.SECOND_TIER_REQUEST].due_at
    last_day = (asked_by + timedelta(hours=8) - timedelta(seconds=1)).date().isoformat()
    assert ("appeal_upheld", last_day) == (name, facts["next_by"])
    world.own("ask_second_tier", appeal)
    world.decide(appeal, Ruling.UPHELD, "staff-p1", "staff-p2")
    name, facts = world.outbox.letters[-1]
    assert "appeal_upheld_again" == name
    assert {"appeal", "incident", "reasons"} == facts.keys()


def test_what_was_amended_is_told_as_amended(world: AppealsWorld):
    """By the first decision; by the second as it stands then."""
    appeal = world.lodge(world.filed("B101"), Ground.WRONG_AMOUNT_OR_CODE)
    lighter = Amendment(intent="Sent a photo that was published before.")
    world.answer(appeal, Stance.AMEND, amendment=lighter)
    world.decide(appeal, Ruling.UPHELD)
    assert "appeal_amended" == world.outbox.letters[-1][0]
    world.own("ask_second_tier", appeal)
    world.decide(appeal, Ruling.UPHELD, "staff-p1", "staff-p2")
    assert "appeal_upheld_again" == world.outbox.letters[-1][0]


def test_whoever_gives_up_is_told_that_it_ended(world: AppealsWorld):
    """So that nobody ends another's appeal unseen."""
    appeal = world.lodge(world.filed())
    world.own("withdraw", appeal)
    name, reasons = last_letter(world)
    assert "appeal_ended" == name
    assert "You withdrew it" in reasons


def test_a_block_that_is_refused_is_told_with_its_reasons(world: AppealsWorld):
    """Whether it was placed before or not; saying it again writes nothing."""
    for code, place in (("B101", False), ("B112", True)):
        appeal = world.lodge(world.filed(code), Ground.IDENTITY_THEFT)
        for word in ("place", "refuse", "refuse") if place else ("refuse", "refuse"):
            with world.staff_call() as call:
                world.contesting.reviews.rule_on_block(
                    call, appeal.id, "staff-r1", BlockWord(word), POLICE
                )
        assert 1 == letters_of(world, appeal).count("identity_theft_not_blocked")
        assert POLICE == last_letter(world)[1]


def test_nobody_reads_what_may_have_been_said_of_an_earlier_holder(world: AppealsWorld):
    """Of whoever may hold another's number a letter repeats what happened, not what was said."""
    incident = world.filed()
    world.move(WEEK)
    later = world.appellant(since=incident.filing.occurred_on + timedelta(days=200))
    world.move(timedelta(days=220))
    appeal = world.lodge(incident, Ground.IDENTITY_THEFT, who=later)
    assert Link.WEAK is appeal.link
    with world.staff_call() as call:
        world.contesting.reviews.rule_on_block(
            call, appeal.id, "staff-r1", BlockWord.REFUSE, POLICE
        )
    world.acknowledge(appeal)
    world.answer(appeal)
    world.decide(appeal, Ruling.UPHELD)
    # Nor whose incident it is: no fact names the furnisher, and it carries no letter itself.
    assert ["appeal_acknowledged", "identity_theft_not_blocked", "appeal_relayed_unnamed"] == [
        name for name, _ in world.outbox.letters[:3]
    ]
    furnisher = world.member("alpha")
    for name, facts in world.outbox.letters:
        assert {furnisher.id, furnisher.name}.isdisjoint(facts.values()), name
    assert {None} == set(world.outbox.messengers)
    for name in ("identity_theft_not_blocked", "appeal_upheld"):
        (reasons,) = [facts["reasons"] for each, facts in world.outbox.letters if each == name]
        assert POLICE not in reasons
        assert REASONS not in reasons
        assert "before you" in reasons


def test_whose_incident_it_is_stands_where_the_person_may_know_it(world: AppealsWorld):
    """Whoever the incident is surely about reads who must answer, who also carries the letters."""
    world.lodge(world.filed())
    furnisher = world.member("alpha")
    name, facts = world.outbox.letters[-1]
    assert ("appeal_relayed", furnisher.name) == (name, facts["furnisher"])
    assert {furnisher.id} == set(world.outbox.messengers)


def told(world: AppealsWorld, appeal: Appeal) -> tuple[str, str]:
    """How the appeal stands by its own view, in both languages."""
    with world.database.reading() as transaction:
        shown = world.contesting.appeals.show(transaction, world.appellant(), appeal.id)
    text = shown_document(shown, Party.SUBJECT)["told"]
    return text.en, text.zh


def test_what_an_appeal_says_of_itself_is_true_in_each_state(world: AppealsWorld):
    """From the furnisher's turn to the last word of staff, no word of another state."""
    appeal = world.lodge(world.filed())
    seen = [told(world, appeal)]
    assert "is asked to answer" in seen[-1][0]
    world.answer(appeal)
    seen.append(told(world, appeal))
    assert "has answered" in seen[-1][0]
    world.decide(appeal, Ruling.UPHELD)
    seen.append(told(world, appeal))
    assert "have others decide again" in seen[-1][0]
    world.own("ask_second_tier", appeal)
    seen.append(told(world, appeal))
    assert "Other staff of the registry decides again" in seen[-1][0]
    world.decide(appeal, Ruling.UPHELD, "staff-p1", "staff-p2")
    seen.append(told(world, appeal))
    assert "decided for good" in seen[-1][0]
    assert (5, 5) == tuple(len(set(texts)) for texts in zip(*seen, strict=True))


def test_who_gives_the_second_tier_up_is_left_with_the_first_decision(world: AppealsWorld):
    """Neither letter nor answer says that nothing was decided; the incident is upheld as before."""
    incident = world.filed()
    appeal = world.lodge(incident)
    world.answer(appeal)
    world.decide(appeal, Ruling.UPHELD)
    world.own("ask_second_tier", appeal)
    world.own("withdraw", appeal)
    assert Course.UPHELD is world.incident(incident).course
    assert "the first decision stands" in told(world, appeal)[0]
    name, facts = world.outbox.letters[-1]
    catalogue = Catalogue.load(edition=world.edition, origin=ORIGIN)
    letter = catalogue.render(LetterTemplate(name), facts)
    assert "has ended" in letter.text.en
    for words in (letter.subject, letter.text):
        assert "nothing was decided" not in words.en
        assert "without a decision" not in words.en
        assert "未作裁决" not in words.zh


def test_what_is_said_of_a_block_is_what_became_of_it(world: AppealsWorld):
    """Asked for, placed, refused; and, once it is relayed, that the furnisher is asked."""
    for code, place in (("B101", False), ("B112", True)):
        appeal = world.lodge(world.filed(code), Ground.IDENTITY_THEFT)
        seen = [told(world, appeal)]
        assert "blocked within 24 hours" in seen[-1][0]
        for word in ("place", "refuse") if place else ("refuse",):
            with world.staff_call() as call:
                world.contesting.reviews.rule_on_block(
                    call, appeal.id, "staff-r1", BlockWord(word), POLICE
                )
            seen.append(told(world, appeal))
            assert ("is blocked" if word == "place" else "is not blocked") in seen[-1][0]
        world.acknowledge(appeal)
        seen.append(told(world, appeal))
        assert "is not blocked" in seen[-1][0]
        assert "is asked to answer" in seen[-1][0]
        assert (len(seen), len(seen)) == tuple(len(set(each)) for each in zip(*seen, strict=True))


def test_what_was_read_first_is_not_said_to_be_read_still(world: AppealsWorld):
    """Nor where nobody has read it, and its time has relayed it."""
    appeal = world.lodge(world.filed(), Ground.EVIDENCE_FORGED)
    assert "A person reads this first" in told(world, appeal)[0]
    world.run_out(appeal, Milestone.RELAY)
    assert "is asked to answer" in told(world, appeal)[0]
    assert "reads this first" not in told(world, appeal)[0]


def test_an_end_is_told_by_its_own_words(world: AppealsWorld):
    """What was settled at once keeps the reason; silence and giving up do not ask anybody."""
    same = {"occurred_on": proved().occurred_on, "order": "order-1"}
    world.filed("B110", **same)
    world.move(timedelta(seconds=1))
    assert "had been filed before" in told(world, world.lodge(world.filed("B110", **same)))[0]
    given_up = world.lodge(world.filed("B101"))
    world.own("withdraw", given_up)
    assert "You withdrew" in told(world, given_up)[0]
    unproved = world.lodge(world.filed("B112"), Ground.NOTICE_MISSING)
    world.answer(unproved, evidence=0)
    assert "was removed" in told(world, unproved)[0]
    ignored = world.lodge(world.filed("B110"))
    world.run_out(ignored, Milestone.ANSWER)
    assert "was removed" in told(world, ignored)[0]
