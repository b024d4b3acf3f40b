"""Holds what is published of a jury to the rules: list, commitment, beacon, draw, votes.

Needs nothing but the document, the edition and the log's key.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from registry.appeals.jury import (
    Composition,
    Drawn,
    Line,
    Side,
    Vote,
    commitment_of,
    count,
    draw,
    first_jury,
    large_panel,
    list_root,
    seed_of,
)
from registry.appeals.jury_model import FIRST_ROUND, Ending, Stage
from registry.crypto import checkpoint, note
from registry.crypto.merkle import leaf_hash, verify_inclusion
from registry.kernel import base64url, strict_json
from registry.kernel.ids import Prefix, with_prefix
from registry.kernel.problems import Kind, Problem, Text
from registry.ledger.model import Log, RecordType, decode_entry, header_commitment, shard_of
from registry.rulebook.model import Edition, JuryRules

# Who was drawn ends by their votes, or with the appeal.
_ENDINGS_OF_DRAWN = frozenset(
    each.value for each in (Ending.DECIDED, Ending.CLOSE, Ending.NO_QUORUM, Ending.DISSOLVED)
)

KeyOf = Callable[[str], note.VerifierKey]


class JuryNotVerified(Problem):
    """What is published does not give this jury, or this verdict."""

    kind = Kind.INVALID
    title = Text(en="The jury does not verify", zh="评审团抽签验证不通过")
    advice = Text(
        en="Keep the document, and ask the registry and its supervisors.",
        zh="请保留该文件，并向登记机构及其监管者查询。",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedRound:
    """What was recomputed of one round; the verdict is None while it votes, or without one."""

    round: int
    candidates: int
    jurors: int
    alternates: int
    log: str
    size: int
    root: bytes
    verdict: Vote | None


def verify_case(
    document: Mapping[str, Any], *, editions: Mapping[str, Edition], key_of: KeyOf
) -> list[VerifiedRound]:
    """Every round of a case that was drawn.

    `key_of` gives the key a log of this origin is believed by.

    Raises: JuryNotVerified.
    """
    try:
        case, rounds = str(document["case"]), document["rounds"]
        numbers = [each["round"] for each in rounds]
        if not numbers or numbers != list(range(FIRST_ROUND, FIRST_ROUND + len(rounds))):
            raise JuryNotVerified("a round is missing, or there twice")
        drawn = [each for each in rounds if _is_drawn(each)]
        is_over = rounds[-1]["stage"] == Stage.OVER.value
        if any((each["votes"] is not None) != is_over for each in rounds):
            raise JuryNotVerified("votes are there before the end, or not at the end")
        verified = [_verify_round(case, each, editions, key_of) for each in drawn]
    except JuryNotVerified:
        raise
    except (KeyError, TypeError, AttributeError, ValueError, AssertionError) as error:
        raise JuryNotVerified(f"the document cannot be read: {error}") from error
    if not verified:
        raise JuryNotVerified("no jury has been drawn for this case")
    return verified


def _is_drawn(document: Mapping[str, Any]) -> bool:
    """Whether a round has a beacon; without one nobody has a seat or a vote."""
    if document["beacon"] is not None:
        return True
    if document["jurors"] or document["alternates"] or document["votes"] or document["verdict"]:
        raise JuryNotVerified("somebody sits whom no beacon has drawn")
    return False


def _verify_round(
    case: str, document: Mapping[str, Any], editions: Mapping[str, Edition], key_of: KeyOf
) -> VerifiedRound:
    edition = editions.get(document["edition"])
    if edition is None:
        raise JuryNotVerified(f"the edition {document['edition']} is not known here")
    is_first = document["round"] == FIRST_ROUND
    composition = first_jury(edition.jury) if is_first else large_panel(edition.jury)
    if document["composition"] != asdict(composition):
        raise JuryNotVerified("the edition makes up a jury otherwise")
    lines = [_line(each) for each in document["candidates"]]
    marks = [each.mark for each in lines]
    if marks != sorted(set(marks)):
        raise JuryNotVerified("the list is out of order, or somebody is in it twice")
    root = list_root(lines)
    if base64url.encode(root) != document["root"]:
        raise JuryNotVerified("the root is of another list")
    tree = _verify_beacon(case, document, key_of)
    drawn = draw(lines, seed_of(case, root, tree.root), composition)
    if drawn is None:
        raise JuryNotVerified("the list cannot fill a jury")
    for name, seated in (("jurors", drawn.jurors), ("alternates", drawn.alternates)):
        if [base64url.encode(each.mark) for each in seated] != document[name]:
            raise JuryNotVerified(f"other {name} were drawn than those named")
    verdict = _verify_votes(document, composition, edition.jury, drawn)
    return VerifiedRound(
        round=document["round"],
        candidates=len(lines),
        jurors=len(drawn.jurors),
        alternates=len(drawn.alternates),
        log=tree.origin,
        size=tree.size,
        root=tree.root,
        verdict=verdict,
    )


def _verify_beacon(case: str, document: Mapping[str, Any], key_of: KeyOf) -> checkpoint.Checkpoint:
    """The checkpoint, which is signed and holds the entry that committed to this list."""
    commitment, beacon = document["commitment"], document["beacon"]
    data = base64url.decode(commitment["entry"])
    entry = decode_entry(data)
    header = base64url.decode(commitment["header"])
    salt = base64url.decode(commitment["header_salt"])
    if header_commitment(salt, header) != entry.header_commitment:
        raise JuryNotVerified("the header is not the entry's")
    said = strict_json.parse(header)
    expected = {name: document[name] for name in ("round", "root", "edition")} | {"case": case}
    if commitment["id"] != with_prefix(Prefix.ENTRY, entry.uuid):
        raise JuryNotVerified("the entry has another id")
    is_jury = (entry.log, entry.record_type) == (Log.INCIDENTS, RecordType.JURY)
    if not is_jury or any(said.get(name) != value for name, value in expected.items()):
        raise JuryNotVerified("the entry commits to another list")
    signed = note.parse(beacon["checkpoint"].encode())
    origin = checkpoint.parse(signed.text).origin
    if not origin.endswith(f"/log/{shard_of(data).name}"):
        raise JuryNotVerified("the checkpoint is of another log than the entry's")
    tree = checkpoint.verify(signed, origin=origin, log_keys=[key_of(origin)]).checkpoint
    is_in_tree = verify_inclusion(
        index=beacon["index"],
        size=tree.size,
        leaf=leaf_hash(data),
        proof=[base64url.decode(each) for each in beacon["proof"]],
        root=tree.root,
    )
    if not is_in_tree:
        raise JuryNotVerified("the checkpoint does not hold the entry of the list")
    return tree


def _verify_votes(
    document: Mapping[str, Any], composition: Composition, rules: JuryRules, drawn: Drawn
) -> Vote | None:
    """What the votes amount to, each of a juror that was drawn, and as it was committed to."""
    votes: Sequence[Mapping[str, Any]] | None = document["votes"]
    if votes is None:
        if document["verdict"] is not None or document["ending"] == Ending.DECIDED.value:
            raise JuryNotVerified("there is a verdict before the end")
        return None
    _verify_seats(votes, composition, drawn)
    if document["ending"] not in _ENDINGS_OF_DRAWN:
        raise JuryNotVerified("a jury that was drawn ends otherwise")
    counted = [vote for each in votes if (vote := _vote(each)) is not None]
    tally = count(counted, composition.votes_to_decide)
    if (tally.verdict and tally.verdict.value) != document["verdict"]:
        raise JuryNotVerified("the votes are another verdict")
    is_safe = document["round"] != FIRST_ROUND or tally.margin >= rules.safe_margin
    is_decided = document["ending"] == Ending.DECIDED.value
    if is_decided != (tally.verdict is not None and is_safe):
        raise JuryNotVerified("the verdict was too close, or none")
    if document["ending"] == (Ending.NO_QUORUM if tally.verdict else Ending.CLOSE).value:
        raise JuryNotVerified("it ended without a verdict that is there, or with one that is not")
    return tally.verdict if is_decided else None


def _verify_seats(
    votes: Sequence[Mapping[str, Any]], composition: Composition, drawn: Drawn
) -> None:
    """Every juror that was drawn is there, voting or not, and alternates only for who left."""
    marks = [base64url.decode(each["mark"]) for each in votes]
    jurors = {each.mark for each in drawn.jurors}
    alternates = {each.mark for each in drawn.alternates}
    if len(set(marks)) != len(marks) or not (jurors | alternates).issuperset(marks):
        raise JuryNotVerified("somebody voted twice, or without a seat")
    if not jurors.issubset(marks):
        raise JuryNotVerified("a juror who was drawn is not there")
    if sum(not each["left"] for each in votes) > composition.jurors:
        raise JuryNotVerified("there are more votes than seats")
    called = len(marks) - len(drawn.jurors)
    if called != min(sum(each["left"] for each in votes), len(drawn.alternates)):
        raise JuryNotVerified("somebody left, and no alternate came, or came for nobody")


def _vote(document: Mapping[str, Any]) -> Vote | None:
    """The vote of a seat, if one was revealed there."""
    if document["commitment"] is not None:
        base64url.decode(document["commitment"])
    if document["vote"] is None:
        if document["salt"] is not None:
            raise JuryNotVerified("a vote was taken out from its salt")
        return None
    if document["left"]:
        raise JuryNotVerified("somebody left who had voted")
    vote = Vote(document["vote"])
    commitment = commitment_of(vote, base64url.decode(document["salt"]))
    if commitment != base64url.decode(document["commitment"]):
        raise JuryNotVerified("a vote is not the one that was committed to")
    return vote


def _line(document: Mapping[str, Any]) -> Line:
    line = Line(
        mark=base64url.decode(document["mark"]),
        side=Side(document["side"]),
        experience=document["experience"],
        is_named_by_furnisher=document["named_by_furnisher"],
    )
    if line.document() != dict(document):
        raise JuryNotVerified("a line of the list has another form")
    return line
