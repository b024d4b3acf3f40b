"""The published test vectors are what this program computes, and what the page says."""

import hashlib
import hmac
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.jwk import OKPKey

from registry.crypto import screening, voprf
from registry.crypto.note import vkey
from registry.crypto.ristretto255 import scalar
from registry.crypto.signature import Algorithm, PrivateKey, PublicKey
from registry.http.caller import Caller, KeyRecord
from registry.http.signed_request import ReceivedCall, verify_signed_request
from registry.identity.normalise import IdentifierType, normalise
from registry.kernel import base64url
from registry.kernel.canonical import canonical_json
from registry.kernel.clock import parse_instant
from registry.kernel.ids import MemberId
from registry.ledger.model import decode_entry
from registry.members.key_proof import read_key_proof

VECTORS = Path(__file__).resolve().parents[2] / "api_spec" / "vectors"

_PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


def _vectors(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


TOKENS = _vectors("identity_tokens")
REQUESTS = _vectors("signed_requests")
ENTRY = _vectors("log_entries")


@pytest.mark.parametrize("vector", TOKENS["identifiers"], ids=lambda each: each["identifier"])
def test_an_identifier_becomes_its_token(vector: dict[str, str]) -> None:
    """From the identifier as typed to the seed, every step is the published one."""
    canonical = normalise(IdentifierType(vector["type"]), vector["identifier"], "CN")
    assert vector["canonical"] == canonical

    x = b"ccr-id-v1\x00"
    for part in (TOKENS["federation"], vector["type"], canonical):
        x += len(part.encode()).to_bytes(2, "big") + part.encode()
    assert vector["x"] == x.hex()

    key_pair = voprf.key_pair_of(bytes.fromhex(TOKENS["secret_key"]))
    assert TOKENS["public_key"] == base64url.encode(key_pair.public)
    blinded = voprf.blind(x, scalar(bytes.fromhex(TOKENS["blind"])))
    assert vector["blinded"] == base64url.encode(blinded.element)
    evaluated = voprf.evaluate_unproven(key_pair, [blinded.element])
    assert vector["evaluated"] == base64url.encode(evaluated[0])
    nonce = scalar(bytes.fromhex(TOKENS["proof_nonce"]))
    proof = voprf.prove(key_pair, [blinded.element], evaluated, nonce)
    assert vector["proof"] == base64url.encode(proof)

    evaluation = voprf.Evaluation(elements=evaluated, proof=proof)
    (y,) = voprf.finalize(
        inputs=[x], blinded=[blinded], evaluation=evaluation, public_key=key_pair.public
    )
    assert vector["y"] == y.hex()
    token = hmac.digest(y, b"ccr-token-v1\x00" + TOKENS["key_id"].encode(), "sha256")
    assert vector["token"] == base64url.encode(token)
    assert vector["seed"] == base64url.encode(hmac.digest(token, b"ccr-seed-v1", "sha256"))


# The wire says EdDSA, as RFC 8037 does and its libraries do; RFC 9864 renames it.
_old_name = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")


@_old_name
@pytest.mark.parametrize("vector", REQUESTS["requests"], ids=lambda each: each["method"])
def test_a_signed_request_is_accepted_and_made_anew(vector: dict[str, Any]) -> None:
    """The JWT verifies as the door verifies it, and signing its claims gives it again."""
    key = PrivateKey.from_seed(bytes.fromhex(REQUESTS["private_key_seed"]))
    assert REQUESTS["kid"] == key.public.kid
    caller = Caller(
        member=MemberId(REQUESTS["member"]),
        kid=key.public.kid,
        scopes=frozenset(),
        purposes=frozenset(),
        requests_per_minute=1,
        evaluations_per_hour=1,
    )
    record = KeyRecord(public_key=key.public, is_active=True, caller=caller)
    verified = verify_signed_request(
        ReceivedCall(
            authorization=f"Bearer {vector['jwt']}",
            method=vector["method"],
            target=vector["target"],
            body=(vector["body"] or "").encode(),
        ),
        audience=REQUESTS["origin"],
        now=datetime.fromtimestamp(vector["claims"]["iat"], UTC),
        find_key={key.public.kid: record}.get,
    )
    assert record == verified.key
    assert vector["jwt"] == _signed_elsewhere(vector, REQUESTS["private_key_seed"])


def test_the_worked_example_signs_like_the_vectors() -> None:
    """The few lines of docs/integrating.md, run as they stand there, make the published JWTs."""
    page = (VECTORS.parents[1] / "docs" / "integrating.md").read_text(encoding="utf-8")
    (code,) = [each for each in _PYTHON.findall(page) if "def sign_call" in each]
    example: dict[str, Any] = {}
    exec(code, example)  # our own page
    seed = bytes.fromhex(REQUESTS["private_key_seed"])
    made = [
        example["sign_call"](
            Ed25519PrivateKey.from_private_bytes(seed),
            REQUESTS["jwk"],
            origin=REQUESTS["origin"],
            member=REQUESTS["member"],
            method=vector["method"],
            target=vector["target"],
            body=(vector["body"] or "").encode(),
            now=vector["claims"]["iat"],
            jti=base64url.decode(vector["claims"]["jti"]),
        )
        for vector in REQUESTS["requests"]
    ]
    assert [vector["jwt"] for vector in REQUESTS["requests"]] == made
    assert made[0] in page


def test_the_key_proof_proves_its_key() -> None:
    """The published proof is one the members' room takes."""
    proof = REQUESTS["key_proof"]
    now = datetime.fromtimestamp(proof["claims"]["iat"], UTC)
    key = read_key_proof(proof["jws"], audience=REQUESTS["origin"], now=now)
    assert REQUESTS["kid"] == key.kid


def test_the_entry_commits_to_its_opening() -> None:
    """The 92 bytes follow from header, subject and salts by the formulas of the page."""
    header, subject = canonical_json(ENTRY["header"]), canonical_json(ENTRY["subject"])
    at = int(parse_instant(ENTRY["at"]).timestamp())
    expected = (
        b"\x01\x02"
        + ENTRY["record_type"].to_bytes(2, "big")
        + (at // 3600 * 3600 * 1000).to_bytes(8, "big")
        + bytes.fromhex(ENTRY["entry_id"].removeprefix("ent_").replace("-", ""))
        + _commitment(ENTRY["k_h"], b"ccr-hdr-v1\x00", header)
        + _commitment(ENTRY["k_s"], b"ccr-sub-v1\x00", subject)
    )
    entry = base64url.decode(ENTRY["entry"])
    assert expected == entry
    assert ENTRY["log"] == decode_entry(entry).log.wire_name


@_old_name
def test_the_receipt_is_for_the_entry() -> None:
    """The receipt names the leaf of the entry and is signed by the log's key."""
    key = PrivateKey.from_seed(bytes.fromhex(ENTRY["node_key_seed"]))
    assert ENTRY["vkey"] == vkey("registry.example/log/access", key.public.raw)
    leaf = hashlib.sha256(b"\x00" + base64url.decode(ENTRY["entry"])).digest()
    receipt = ENTRY["receipt"]
    assert base64url.encode(leaf) == receipt["claims"]["leaf"]
    assert receipt["jws"] == _signed_elsewhere(receipt, ENTRY["node_key_seed"])


def _commitment(salt: str, label: bytes, content: bytes) -> bytes:
    message = label + len(content).to_bytes(4, "big") + content
    return hmac.digest(base64url.decode(salt), message, "sha256")


def _signed_elsewhere(vector: dict[str, Any], seed: str) -> str:
    """The JWS an independent implementation makes of header and claims."""
    raw = bytes.fromhex(seed)
    public = PrivateKey.from_seed(raw).public.raw
    key = OKPKey.import_key(
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "d": base64url.encode(raw),
            "x": base64url.encode(public),
        }
    )
    registry = jws.JWSRegistry(algorithms=["EdDSA"])
    return jws.serialize_compact(
        vector["header"], canonical_json(vector["claims"]), key, registry=registry
    )


SCREENING = _vectors("screening")


@pytest.mark.parametrize("vector", SCREENING["subjects"], ids=lambda each: each["identifier"])
def test_a_seed_falls_into_its_bucket_under_its_tag(vector: dict[str, Any]) -> None:
    """For every number of bits, and in each epoch; the seed is a published token's."""
    assert vector["seed"] in {each["seed"] for each in TOKENS["identifiers"]}
    seed = base64url.decode(vector["seed"])
    mac = hmac.digest(seed, b"ccr-bucket-v1", "sha256")
    assert vector["bucket_mac_first_4"] == mac[:4].hex()
    for bits, name in vector["buckets"].items():
        number = screening.bucket_of(screening.place_of(seed), int(bits))
        assert int.from_bytes(mac, "big") >> (256 - int(bits)) == number
        assert name == screening.bucket_name(number, int(bits))
    for epoch, tag in vector["tags"].items():
        expected = hmac.digest(seed, b"ccr-screen-v1\x00" + epoch.encode(), "sha256")[:8]
        assert tag == expected.hex() == screening.tag_of(seed, epoch).hex()


def test_a_bucket_s_file_is_the_published_one() -> None:
    """Pads, layout, digest, signature and leaf, each step of a whole small file."""
    epoch, pad_key = SCREENING["epoch"], bytes.fromhex(SCREENING["pad_key"])
    for pad in SCREENING["pads"]:
        place = pad["bucket"].to_bytes(4, "big") + pad["i"].to_bytes(4, "big")
        message = b"ccr-pad-v1\x00" + epoch.encode() + place
        assert pad["pad"] == hmac.digest(pad_key, message, "sha256")[:8].hex()
    published = SCREENING["file"]
    own = sorted(bytes.fromhex(each["tags"][epoch]) for each in SCREENING["subjects"])
    tags = screening.padded(
        b"".join(own), count=published["count"], pad_key=pad_key, epoch=epoch, bucket=0
    )
    bucket = screening.Bucket(
        bits=0, epoch=epoch, sequence=published["sequence"], bucket=0, tags=tags
    )
    unsigned = bucket.unsigned()
    assert published["unsigned"] == unsigned.hex()
    digest = hashlib.sha256(unsigned).digest()
    assert published["digest"] == digest.hex()
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(SCREENING["signing_key_seed"]))
    signature = key.sign(b"ccr-bucket-sig-v1\x00" + digest)
    assert published["signature"] == signature.hex()
    assert published["leaf"] == hashlib.sha256(b"\x00" + digest).hexdigest()
    public = PublicKey.from_raw(Algorithm.EDDSA, base64url.decode(SCREENING["public_key"]))
    assert bucket == screening.decode(unsigned + signature, public)


@pytest.mark.parametrize("size", SCREENING["sizes"], ids=lambda each: str(each["subjects"]))
def test_sizes_follow_from_the_number_of_subjects(size: dict[str, int]) -> None:
    """Bits, tags and pads of a file, and its bytes."""
    bits = screening.bits_for(size["subjects"])
    count = screening.count_for(size["subjects"], bits)
    length = screening.file_bytes(count, SCREENING["epoch"])
    assert (size["bits"], size["count"], size["file_bytes"]) == (bits, count, length)


def test_a_snapshot_s_tree_is_the_published_one() -> None:
    """Leaves are of the digests that are signed; proofs start at the leaf's sibling."""
    leaves = [
        hashlib.sha256(b"\x00" + bytes.fromhex(each)).digest()
        for each in SCREENING["tree"]["digests"]
    ]
    left, right = (
        hashlib.sha256(b"\x01" + one + other).digest() for one, other in (leaves[:2], leaves[2:])
    )
    root = hashlib.sha256(b"\x01" + left + right).hexdigest()
    assert SCREENING["tree"]["root"] == root
    tree = screening.SnapshotTree(b"".join(leaves))
    assert root == tree.root.hex()
    proofs = [[each.hex() for each in tree.proof(number)] for number in range(4)]
    assert SCREENING["tree"]["proofs"] == proofs
    assert [leaves[1].hex(), right.hex()] == proofs[0]
