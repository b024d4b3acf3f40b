"""Compact JWS and keys: the RFCs' examples, and what must never verify."""

import base64
import json

import pytest

from registry.crypto.signature import (
    Algorithm,
    NotAJws,
    NotAKey,
    PrivateKey,
    PublicKey,
    sign_compact,
    split_compact,
    verify,
)
from registry.kernel import base64url

# RFC 8037, Appendix A.
ED25519_JWK = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}
ED25519_SEED = base64url.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
ED25519_JWS = (
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
)
# RFC 7515, Appendix A.3.
P256_JWK = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
P256_JWS = (
    "eyJhbGciOiJFUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)


@pytest.fixture(params=list(Algorithm), ids=str)
def key(request: pytest.FixtureRequest) -> PrivateKey:
    """A fresh key of each algorithm in turn."""
    return PrivateKey.generate(request.param)


def signed(key: PrivateKey) -> str:
    return sign_compact(header={"alg": key.algorithm.value}, claims={"n": 1}, key=key)


@pytest.mark.parametrize(
    ("jwk", "text"), [(ED25519_JWK, ED25519_JWS), (P256_JWK, P256_JWS)], ids=list(Algorithm)
)
def test_examples_of_the_rfcs_verify(jwk: dict[str, str], text: str) -> None:
    """RFC 8037 A.4 and RFC 7515 A.3."""
    assert verify(split_compact(text), PublicKey.from_jwk(jwk))


def test_the_thumbprint_is_that_of_the_rfc() -> None:
    """RFC 8037 A.3."""
    assert "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" == PublicKey.from_jwk(ED25519_JWK).kid


def test_signing_gives_the_bytes_of_the_rfc() -> None:
    """RFC 8037 A.4, from the published seed."""
    key = PrivateKey.from_seed(ED25519_SEED)
    signing_input = ED25519_JWS.rpartition(".")[0]
    assert ED25519_JWS == f"{signing_input}.{base64url.encode(key.sign(signing_input.encode()))}"


def test_keys_survive_jwk_pem_and_raw(key: PrivateKey) -> None:
    """Every form gives back an equal key with the same kid."""
    public = key.public
    assert public == PublicKey.from_jwk(public.to_jwk())
    assert public == PublicKey.from_pem(public.to_pem())
    assert public == PublicKey.from_raw(public.algorithm, public.raw)
    assert public == PrivateKey.from_pem(key.to_pem()).public
    assert public == PublicKey.from_jwk(
        {**public.to_jwk(), "kid": "any", "use": "sig", "alg": key.algorithm.value}
    )


def test_what_is_signed_verifies_and_nothing_else(key: PrivateKey) -> None:
    """A changed header, claim, signature or key does not verify."""
    text = signed(key)
    assert verify(split_compact(text), key.public)
    assert not verify(split_compact(text), PrivateKey.generate(key.algorithm).public)
    head, body, signature = text.split(".")
    raw = base64url.decode(signature)
    for other in (b"", raw[:-1], raw + b"\x00", bytes(64), b"\xff" * 64, raw[32:] + raw[:32]):
        assert not verify(split_compact(f"{head}.{body}.{base64url.encode(other)}"), key.public)
    changed = base64url.encode(b'{"n":2}')
    assert not verify(split_compact(f"{head}.{changed}.{signature}"), key.public)


@pytest.mark.parametrize("alg", ["none", "HS256", "RS256", "eddsa", "", None, 1, ["EdDSA"]])
def test_the_header_cannot_choose_the_algorithm(alg: object, key: PrivateKey) -> None:
    """A true signature under a header of another alg does not verify."""
    head = base64url.encode(json.dumps({"alg": alg}).encode())
    signing_input = f"{head}.e30"
    text = f"{signing_input}.{base64url.encode(key.sign(signing_input.encode()))}"
    assert not verify(split_compact(text), key.public)


def test_a_key_of_the_other_family_never_verifies() -> None:
    """EdDSA under a P-256 key, and the reverse, are refused."""
    one, other = PrivateKey.generate(Algorithm.EDDSA), PrivateKey.generate(Algorithm.ES256)
    assert not verify(split_compact(signed(one)), other.public)
    assert not verify(split_compact(signed(other)), one.public)


def test_a_header_of_another_algorithm_cannot_be_signed() -> None:
    """Signing with a header that lies stops the work."""
    with pytest.raises(AssertionError):
        sign_compact(header={"alg": "none"}, claims={}, key=PrivateKey.generate())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "..",
        "a.b",
        "e30.e30.e30.e30",
        "e30=.e30.AA",
        "e30.e 0.AA",
        "e31.e30.AA",
        base64url.encode(b"[]") + ".e30.AA",
        base64url.encode(b'{"alg":1,"alg":2}') + ".e30.AA",
        base64url.encode(b"\xff") + ".e30.AA",
        base64url.encode(b'{"a":' * 40 + b"1" + b"}" * 40) + ".e30.AA",
        "e30." + "A" * 5000 + ".AA",
        "é30.e30.AA",
    ],
)
def test_what_is_no_compact_jws_is_refused(text: str) -> None:
    """Padding, foreign characters, spare bits, duplicates, depth, length."""
    with pytest.raises(NotAJws):
        split_compact(text)


SMALL_ORDER = [
    "00" * 32,
    "01" + "00" * 31,
    "ec" + "ff" * 30 + "7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ee" + "ff" * 30 + "7f",
]


@pytest.mark.parametrize("point", SMALL_ORDER)
@pytest.mark.parametrize("sign", [0x00, 0x80])
def test_keys_of_small_order_are_refused(point: str, sign: int) -> None:
    """Under such a key anybody's signature verifies, and so could be denied."""
    raw = bytes.fromhex(point)
    with pytest.raises(NotAKey, match="small order"):
        PublicKey.from_raw(Algorithm.EDDSA, raw[:31] + bytes([raw[31] | sign]))


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": "oct", "k": "AAAA"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {**ED25519_JWK, "crv": "Ed448"},
        {**ED25519_JWK, "crv": "X25519"},
        {**ED25519_JWK, "d": base64url.encode(ED25519_SEED)},
        {**ED25519_JWK, "x": ED25519_JWK["x"][:-1]},
        {**ED25519_JWK, "x": base64url.encode(bytes(31))},
        {**ED25519_JWK, "x": 7},
        {**ED25519_JWK, "alg": "ES256"},
        {**ED25519_JWK, "y": P256_JWK["y"]},
        {**ED25519_JWK, "colour": "blue"},
        {**P256_JWK, "crv": "P-384"},
        {**P256_JWK, "y": base64url.encode(bytes(32))},
        {key: value for key, value in P256_JWK.items() if key != "y"},
    ],
)
def test_other_jwks_are_refused(jwk: dict[str, str]) -> None:
    """Another family, a private part, a cut coordinate, a point off the curve."""
    with pytest.raises(NotAKey):
        PublicKey.from_jwk(jwk)


def test_pem_of_other_kinds_is_refused() -> None:
    """Text that is no key, and a DER blob dressed as one."""
    body = base64.b64encode(bytes(40)).decode()
    for pem in ("", "hello", f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"):
        with pytest.raises(NotAKey):
            PublicKey.from_pem(pem.encode())
        with pytest.raises(NotAKey):
            PrivateKey.from_pem(pem.replace("PUBLIC", "PRIVATE").encode())


def test_secrets_are_in_no_repr(key: PrivateKey) -> None:
    """A private key prints as its public key."""
    assert "PrivateKey object" not in repr(key)
    assert key.public.kid in repr(key)
