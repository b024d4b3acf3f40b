"""What is known under the keys of one inquiry's identities, and that mostly nothing is."""

from registry.identity.model import IdentifierType, IdentityToken
from registry.incidents.model import KnownIncident, KnownSubject
from registry.lookups.finding import NOTHING_FOUND, find
from registry.lookups.model import Match, PresentedIdentity
from registry.rulebook.calendar import local_date
from tests.score.samples import EDITION, NOW, contribution

PRESENTED = PresentedIdentity(
    identity=IdentityToken(type=IdentifierType.PHONE, key_id="k1", token=bytes(32)),
    held_since_on=None,
)


def test_of_whom_nothing_is_known_one_thing_is_found() -> None:
    """The very same value, so that it is assessed once however many ask."""
    found = find([PRESENTED, PRESENTED], [b"one", b"two"], {}, EDITION, NOW)
    assert found is NOTHING_FOUND
    assert Match.NONE is found.match


def test_one_known_identity_beside_an_unknown_one_is_found() -> None:
    """In either order, once."""
    incident = KnownIncident(contribution=contribution(), last_verified_on=local_date(NOW, EDITION))
    known = {b"two": KnownSubject(incidents=[incident], protective=[])}
    for keys in ([b"one", b"two"], [b"two", b"one"], [b"two", b"two"]):
        found = find([PRESENTED, PRESENTED], keys, known, EDITION, NOW)
        assert (incident.contribution,) == found.sure
        assert Match.MATCH is found.match
