"""Only who holds a private key can register its public half."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey

from registry.crypto.signature import Algorithm, PrivateKey, PublicKey, sign_compact
from registry.kernel import base64url
from registry.members.key_proof import KeyProofInvalid, make_key_proof, read_key_proof
from tests.members.samples import NOW, ORIGIN, make_key, prove

KEY = PrivateKey.from_seed(b"a" * 32)
OTHER = PrivateKey.from_seed(b"b" * 32)
JTI = bytes(16)
ISSUED = int(NOW.timestamp())
HEADER: Mapping[str, Any] = {"alg": "EdDSA", "typ": "ccr-key-proof+jwt", "jwk": KEY.public.to_jwk()}
CLAIMS: Mapping[str, Any] = {
    "aud": ORIGIN,
    "iat": ISSUED,
    "exp": ISSUED + 3600,
    "jti": base64url.encode(JTI),
}


def read(proof: str) -> PublicKey:
    return read_key_proof(proof, audience=ORIGIN, now=NOW)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_proof_gives_the_key_it_was_made_with(algorithm: Algorithm) -> None:
    """For both kinds of key."""
    key = make_key(algorithm)
    assert key.public == read(prove(key))


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256"])
def test_a_proof_made_by_another_library_is_read(algorithm: str) -> None:
    """joserfc, from the published form alone."""
    key = OKPKey.generate_key("Ed25519") if algorithm == "EdDSA" else ECKey.generate_key("P-256")
    public = {name: key.as_dict(private=False)[name] for name in ("kty", "crv", "x")}
    if algorithm == "ES256":
        public["y"] = key.as_dict(private=False)["y"]
    header = {"alg": algorithm, "typ": "ccr-key-proof+jwt", "jwk": public}
    claims = (
        f'{{"aud": "{ORIGIN}", "iat": {ISSUED}, "exp": {ISSUED + 60},'
        f' "jti": "{base64url.encode(JTI)}"}}'
    )
    proof = jws.serialize_compact(header, claims, key, algorithms=[algorithm])
    assert key.thumbprint() == read(proof).kid


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "ccr-request+jwt"},
        {"typ": "JWT"},
        {"kid": KEY.public.kid},
        {"crit": ["x"]},
        {"jwk": OTHER.public.to_jwk()},
        {"jwk": "x"},
        {"jwk": {}},
        {"jwk": KEY.public.to_jwk() | {"d": "c2VjcmV0"}},
        {"jwk": {"kty": "oct", "k": "c2VjcmV0"}},
    ],
)
def test_a_header_that_is_not_as_published_is_refused(header: Mapping[str, Any]) -> None:
    """Another type, more members, another's key, a private or symmetric key."""
    with pytest.raises(KeyProofInvalid):
        read(sign_compact(header={**HEADER, **header}, claims=CLAIMS, key=KEY))


@pytest.mark.parametrize("missing", sorted(HEADER.keys() - {"alg"}))
def test_a_header_that_lacks_a_member_is_refused(missing: str) -> None:
    """Exactly alg, typ and jwk."""
    header = {name: value for name, value in HEADER.items() if name != missing}
    with pytest.raises(KeyProofInvalid):
        read(sign_compact(header=header, claims=CLAIMS, key=KEY))


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://other.example"},
        {"aud": [ORIGIN]},
        {"aud": ORIGIN + "/"},
        {"iat": ISSUED + 31, "exp": ISSUED + 60},
        {"iat": ISSUED - 100, "exp": ISSUED - 30},
        {"exp": ISSUED + 7 * 86_400 + 1},
        {"exp": ISSUED},
        {"iat": float(ISSUED) + 0.5},
        {"exp": str(ISSUED + 60)},
        {"exp": True},
        {"jti": "AAAA"},
        {"jti": base64url.encode(JTI) + "="},
        {"jti": 7},
        {"iss": "mem_x"},
    ],
)
def test_claims_that_are_not_as_published_are_refused(claims: Mapping[str, Any]) -> None:
    """Audience, times, horizon, jti, and no claim besides."""
    with pytest.raises(KeyProofInvalid):
        read(sign_compact(header=HEADER, claims={**CLAIMS, **claims}, key=KEY))


@pytest.mark.parametrize("missing", CLAIMS)
def test_claims_that_lack_one_are_refused(missing: str) -> None:
    """All four are needed."""
    claims = {name: value for name, value in CLAIMS.items() if name != missing}
    with pytest.raises(KeyProofInvalid):
        read(sign_compact(header=HEADER, claims=claims, key=KEY))


def test_a_signature_by_another_key_is_refused() -> None:
    """Knowing a public key is not holding it."""
    own, others = prove(KEY).split("."), prove(OTHER).split(".")
    with pytest.raises(KeyProofInvalid, match="not signed by the key"):
        read(".".join([own[0], own[1], others[2]]))


@pytest.mark.parametrize("proof", ["", "a.b.c", "....", "é.é.é", "x" * 5000, "e30.e30."])
def test_what_is_no_proof_is_refused(proof: str) -> None:
    """Whatever is in the file."""
    with pytest.raises(KeyProofInvalid):
        read(proof)


def test_a_proof_is_good_for_a_week_and_a_little_leeway() -> None:
    """An operator has time to admit, and an old file is worth nothing."""
    proof = make_key_proof(KEY, audience=ORIGIN, now=NOW, jti=JTI)
    week = timedelta(days=7)
    assert KEY.public == read_key_proof(
        proof, audience=ORIGIN, now=NOW + week + timedelta(seconds=29)
    )
    with pytest.raises(KeyProofInvalid, match="expired"):
        read_key_proof(proof, audience=ORIGIN, now=NOW + week + timedelta(seconds=30))
