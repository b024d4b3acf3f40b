"""Members are told by signed webhooks, again until they take it, and can always read it."""

import json
from base64 import b64decode
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from registry.notices.model import ATTEMPTS_MAX, RETRY_DELAYS
from tests.nodes import Caller
from tests.notices.receiver import Received, Receiver, receiving
from tests.notices.world import World, ok


def add(member: Caller, receiver: Receiver, **more: Any) -> dict[str, Any]:
    """A new webhook with its keys."""
    answer = member.call("POST", "/v1/webhooks", {"url": receiver.url, **more})
    added: dict[str, Any] = ok(answer, 201)
    return added


def verifies_v1(received: Received, secret: str) -> bool:
    """Whether the independent implementation takes the message under this secret."""
    try:
        Webhook(secret).verify(received.body, dict(received.headers))
    except WebhookVerificationError:
        return False
    return True


def verifies_v1a(received: Received, public_key: str) -> bool:
    key = Ed25519PublicKey.from_public_bytes(b64decode(public_key.removeprefix("whpk_")))
    content = f"{received.id}.{received.headers['webhook-timestamp']}.".encode() + received.body
    for signature in received.headers["webhook-signature"].split(" "):
        version, _, octets = signature.partition(",")
        if version != "v1a":
            continue
        try:
            key.verify(b64decode(octets), content)
        except InvalidSignature:
            continue
        return True
    return False


def deliveries(member: Caller, webhook: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ok(member.call("GET", f"/v1/webhooks/{webhook}/deliveries"))[
        "deliveries"
    ]
    return found


def webhook_of(member: Caller, webhook: str) -> dict[str, Any]:
    shown: dict[str, Any] = ok(member.call("GET", f"/v1/webhooks/{webhook}"))
    return shown


@pytest.fixture
def member(world: World) -> Caller:
    return world.market.furnisher


def test_a_message_is_signed_both_ways_and_says_ids_only(
    world: World, member: Caller, receiver: Receiver
) -> None:
    """The independent implementation verifies it; a changed byte it does not."""
    added = add(member, receiver)
    message = world.tell(member, "appeal.relayed", appeal="apl_1")
    world.work()
    (received,) = receiver.received
    keys = added["keys"]
    assert message == received.id
    assert verifies_v1(received, keys["secret"])
    assert verifies_v1a(received, keys["public_key"])
    changed = Received(path="/", headers=received.headers, body=received.body + b" ")
    assert not verifies_v1(changed, keys["secret"])
    assert not verifies_v1a(changed, keys["public_key"])
    assert "/hook?from=registry" == received.path
    document = json.loads(received.body)
    assert {"type", "timestamp", "data"} == document.keys()
    assert ("appeal.relayed", {"appeal": "apl_1"}) == (document["type"], document["data"])
    (delivery,) = deliveries(member, added["webhook"]["id"])
    assert ("delivered", message) == (delivery["state"], delivery["message"])
    assert [("answered", 204)] == [
        (each["result"], each["status"]) for each in delivery["attempts"]
    ]


def test_what_is_undone_is_not_told(world: World, member: Caller, receiver: Receiver) -> None:
    """A notice lives and dies with the transaction that causes it."""
    add(member, receiver)

    def undone() -> None:
        with world.node.database.transaction() as transaction:
            world.node.noticing.notices.tell_member(
                transaction,
                member=member.member.id,
                event_type="appeal.relayed",
                data={},
                now=world.clock.now(),
            )
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        undone()
    world.work()
    assert [] == receiver.received
    assert [] == world.told(member)


def test_what_is_not_taken_is_sent_again_by_the_schedule(
    world: World, member: Caller, receiver: Receiver
) -> None:
    """Ten times over three days, under one id, each with a time of its own; then no more."""
    added = add(member, receiver)
    receiver.statuses = [500]
    message = world.tell(member, "appeal.relayed")
    world.work()
    for number, delay in enumerate(RETRY_DELAYS, start=1):
        world.clock.move(delay * 0.99)
        world.work()
        assert number == len(receiver.received), "not before its time"
        world.clock.move(delay * 0.12)
        world.work()
        assert number + 1 == len(receiver.received), "a tenth later at most"
    world.move(days=2)
    assert ATTEMPTS_MAX == len(receiver.received)
    assert {message} == {each.id for each in receiver.received}
    (delivery,) = deliveries(member, added["webhook"]["id"])
    assert ("given_up", None) == (delivery["state"], delivery["next_attempt_at"])
    assert [500] * ATTEMPTS_MAX == [each["status"] for each in delivery["attempts"]]


def test_a_receiver_that_comes_back_gets_what_it_missed(
    world: World, member: Caller, receiver: Receiver
) -> None:
    """And is not held to have failed before."""
    added = add(member, receiver)
    receiver.statuses = [503, 200]
    world.tell(member, "appeal.relayed")
    world.work()
    assert webhook_of(member, added["webhook"]["id"])["failing_since"] is not None
    world.move(seconds=6)
    assert 2 == len(receiver.received)
    assert webhook_of(member, added["webhook"]["id"])["failing_since"] is None


def test_who_asks_for_time_gets_it(world: World, member: Caller, receiver: Receiver) -> None:
    """Retry-After makes the next attempt later, never sooner."""
    add(member, receiver)
    receiver.statuses, receiver.headers = [429], {"Retry-After": "3600"}
    world.tell(member, "appeal.relayed")
    world.work()
    world.move(seconds=3590)
    assert 1 == len(receiver.received)
    world.move(seconds=11)
    assert 2 == len(receiver.received)


def test_during_a_rotation_both_keys_sign(world: World, member: Caller, receiver: Receiver) -> None:
    """The receiver changes over whenever it likes in the overlap; afterwards the new key alone."""
    added = add(member, receiver)
    webhook, old = added["webhook"]["id"], added["keys"]
    rotations = f"/v1/webhooks/{webhook}/rotations"
    rotated = ok(member.call("POST", rotations, {"overlap_hours": 1}), 201)
    new = rotated["keys"]
    assert old != new
    world.tell(member, "appeal.relayed")
    world.work()
    for keys in (old, new):
        assert verifies_v1(receiver.received[-1], keys["secret"])
        assert verifies_v1a(receiver.received[-1], keys["public_key"])
    world.clock.move(timedelta(hours=1))
    world.tell(member, "appeal.relayed")
    world.work()
    assert not verifies_v1(receiver.received[-1], old["secret"])
    assert not verifies_v1a(receiver.received[-1], old["public_key"])
    assert verifies_v1(receiver.received[-1], new["secret"])
    assert verifies_v1a(receiver.received[-1], new["public_key"])


def test_after_a_theft_there_is_no_overlap(
    world: World, member: Caller, receiver: Receiver
) -> None:
    """Zero hours: the old key signs nothing any more."""
    added = add(member, receiver)
    rotations = f"/v1/webhooks/{added['webhook']['id']}/rotations"
    ok(member.call("POST", rotations, {"overlap_hours": 0}), 201)
    world.tell(member, "appeal.relayed")
    world.work()
    assert not verifies_v1(receiver.received[-1], added["keys"]["secret"])


def test_gone_disables_at_once_and_the_member_reads_of_it(
    world: World, member: Caller, receiver: Receiver
) -> None:
    """By GET /v1/notices, and by another webhook if it has one."""
    added = add(member, receiver)
    with receiving() as other:
        add(member, other, types=["webhook"])
        receiver.statuses = [410]
        world.tell(member, "appeal.relayed")
        world.work()
        shown = webhook_of(member, added["webhook"]["id"])
        assert ("disabled", "gone") == (shown["state"], shown["disabled_reason"])
        assert ["webhook.disabled"] == [json.loads(each.body)["type"] for each in other.received]
    assert ["appeal.relayed", "webhook.disabled"] == [each for each, _ in world.told(member)]
    world.tell(member, "appeal.relayed")
    world.move(days=4)
    assert 1 == len(receiver.received)


def test_a_webhook_that_fails_for_days_is_disabled(
    world: World, member: Caller, receiver: Receiver
) -> None:
    """Enabled again it is tried again, and nothing was lost: it can be replayed."""
    webhook = add(member, receiver)["webhook"]["id"]
    receiver.statuses = [500]
    first = world.tell(member, "appeal.relayed")
    world.work()
    world.move(days=5)
    shown = webhook_of(member, webhook)
    assert ("disabled", "failing") == (shown["state"], shown["disabled_reason"])
    (delivery,) = deliveries(member, webhook)
    replay = f"/v1/webhooks/{webhook}/deliveries/{delivery['id']}/replay"
    assert 409 == member.call("POST", replay).status_code
    enabled = ok(member.call("PATCH", f"/v1/webhooks/{webhook}", {"state": "active"}))
    assert ("active", None, None) == (
        enabled["state"],
        enabled["disabled_reason"],
        enabled["failing_since"],
    )
    receiver.statuses = [200]
    ok(member.call("POST", replay), 202)
    world.work()
    assert first == receiver.received[-1].id
    assert "delivered" == deliveries(member, webhook)[0]["state"]


def test_another_address_has_not_failed_yet(
    world: World, member: Caller, receiver: Receiver
) -> None:
    """Whoever moves a receiver that failed has five days anew; the same address again has not."""
    webhook = add(member, receiver)["webhook"]["id"]
    receiver.statuses = [500]
    world.tell(member, "appeal.relayed")
    world.work()
    began = webhook_of(member, webhook)["failing_since"]
    target, moved = f"/v1/webhooks/{webhook}", f"{receiver.url}&moved=1"
    same = ok(member.call("PATCH", target, {"url": receiver.url, "types": ["appeal"]}))
    assert began == same["failing_since"] is not None
    assert None is ok(member.call("PATCH", target, {"url": moved}))["failing_since"]
    world.move(days=5)
    assert "active" == webhook_of(member, webhook)["state"]


def test_a_replay_comes_at_once_and_once(world: World, member: Caller, receiver: Receiver) -> None:
    """Also while the next attempt is hours away; that one is then not made."""
    webhook = add(member, receiver)["webhook"]["id"]
    receiver.statuses = [500, 500, 200]
    world.tell(member, "appeal.relayed")
    world.work()
    world.move(seconds=6)
    (delivery,) = deliveries(member, webhook)
    ok(member.call("POST", f"/v1/webhooks/{webhook}/deliveries/{delivery['id']}/replay"), 202)
    world.work()
    assert 3 == len(receiver.received)
    world.move(days=1)
    assert 3 == len(receiver.received)


def test_a_webhook_gets_the_types_it_wants(
    world: World, member: Caller, receiver: Receiver
) -> None:
    """A group stands for all its types, and for no other that begins with its letters."""
    add(member, receiver, types=["correction", "appeal.relayed"])
    for each in ("correction.told", "corrections.other", "appeal.relayed", "appeal.decided"):
        world.tell(member, each)
    world.work()
    assert ["correction.told", "appeal.relayed"] == [
        json.loads(each.body)["type"] for each in receiver.received
    ]


def test_a_test_message_goes_to_one_webhook(
    world: World, member: Caller, receiver: Receiver
) -> None:
    """Signed like any other, whatever types it wants."""
    added = add(member, receiver, types=["appeal"])
    with receiving() as other:
        add(member, other)
        ok(member.call("POST", f"/v1/webhooks/{added['webhook']['id']}/test"), 202)
        world.work()
        assert [] == other.received
    assert verifies_v1(receiver.received[-1], added["keys"]["secret"])


def test_a_webhook_is_its_members_alone(world: World, member: Caller, receiver: Receiver) -> None:
    """To another it is not there, whatever is tried."""
    webhook = add(member, receiver)["webhook"]["id"]
    world.tell(member, "appeal.relayed")
    (delivery,) = deliveries(member, webhook)
    stranger = world.market.inquirer
    base = f"/v1/webhooks/{webhook}"
    tried: Iterator[tuple[str, str, Any]] = iter(
        [
            ("GET", base, None),
            ("PATCH", base, {"state": "disabled"}),
            ("DELETE", base, None),
            ("POST", f"{base}/rotations", {}),
            ("GET", f"{base}/deliveries", None),
            ("POST", f"{base}/deliveries/{delivery['id']}/replay", None),
            ("POST", f"{base}/test", None),
        ]
    )
    assert {404} == {stranger.call(*each).status_code for each in tried}
    assert {"webhooks": []} == ok(stranger.call("GET", "/v1/webhooks"))
    assert [] == world.told(stranger)


def test_a_removed_webhook_gets_nothing_and_leaves_nothing(
    world: World, member: Caller, receiver: Receiver
) -> None:
    """What was on its way to it is dropped."""
    webhook = add(member, receiver)["webhook"]["id"]
    world.tell(member, "appeal.relayed")
    assert 204 == member.call("DELETE", f"/v1/webhooks/{webhook}").status_code
    world.work()
    assert [] == receiver.received
    assert 404 == member.call("GET", f"/v1/webhooks/{webhook}").status_code


def test_a_member_has_ten_webhooks_at_most(world: World, member: Caller) -> None:
    """The eleventh is refused, until one has gone."""
    document = {"url": "https://hooks.platform.example/"}
    added = [ok(member.call("POST", "/v1/webhooks", document), 201) for _ in range(10)]
    assert 409 == member.call("POST", "/v1/webhooks", document).status_code
    member.call("DELETE", f"/v1/webhooks/{added[0]['webhook']['id']}")
    ok(member.call("POST", "/v1/webhooks", document), 201)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"url": "ftp://hooks.platform.example/"},
        {"url": "https://user@hooks.platform.example/"},
        {"url": "https://user:word@hooks.platform.example/"},
        {"url": "https://hooks.platform.example/#part"},
        {"url": "https://hooks.platform.example/\u00e9"},
        {"url": "https://hooks.platform.example/two words"},
        {"url": "https://hooks.platform.example:port/"},
        {"url": "https:///nowhere"},
        {"url": "hooks.platform.example"},
        {"url": "https://hooks.platform.example/", "types": ["Correction"]},
        {"url": "https://hooks.platform.example/", "types": ["correction."]},
        {"url": "https://hooks.platform.example/", "contact": "not an address"},
        {"url": "https://hooks.platform.example/", "contact": "a@b.example, c@d.example"},
        {"url": "https://hooks.platform.example/", "secret": "mine"},
    ],
)
def test_what_no_webhook_can_be_is_refused(
    world: World, member: Caller, document: dict[str, Any]
) -> None:
    """With 422, and nothing left behind."""
    assert 422 == member.call("POST", "/v1/webhooks", document).status_code
    assert {"webhooks": []} == ok(member.call("GET", "/v1/webhooks"))


def test_the_same_can_be_polled_with_a_cursor(world: World, member: Caller) -> None:
    """Numbered without a gap; the cursor goes on where reading ended, now or later."""
    ids = [world.tell(member, "appeal.relayed", n=number) for number in range(5)]
    first = ok(member.call("GET", "/v1/notices?limit=3"))
    assert [1, 2, 3] == [each["number"] for each in first["notices"]]
    rest = ok(member.call("GET", f"/v1/notices?limit=3&cursor={first['cursor']}"))
    assert ids == [each["id"] for each in first["notices"] + rest["notices"]]
    target = f"/v1/notices?cursor={rest['cursor']}"
    assert {"notices": [], "cursor": None} == ok(member.call("GET", target))
    later = world.tell(member, "appeal.relayed")
    assert [later] == [each["id"] for each in ok(member.call("GET", target))["notices"]]


def test_old_notices_are_forgotten(world: World, member: Caller, receiver: Receiver) -> None:
    """After 90 days, with what became of them."""
    webhook = add(member, receiver)["webhook"]["id"]
    world.tell(member, "appeal.relayed")
    world.work()
    world.move(days=91)
    assert [] == world.told(member)
    assert [] == deliveries(member, webhook)
