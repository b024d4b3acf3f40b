"""The client the journeys trust computes what the RFCs say, and refuses what they refuse."""

import pytest

from tests.crypto import rfc9496, rfc9497
from tests.journeys import oprf


def test_multiples_of_the_generator_are_those_of_the_rfc() -> None:
    """RFC 9496, appendix A.1."""
    found = [oprf.encode(oprf.multiply(n, oprf.GENERATOR)).hex() for n in range(16)]
    assert list(rfc9496.MULTIPLES) == found


@pytest.mark.parametrize("encoding", rfc9496.INVALID_ENCODINGS)
def test_an_invalid_encoding_is_refused(encoding: str) -> None:
    """RFC 9496, appendix A.2."""
    with pytest.raises(oprf.Refused):
        oprf.decode(bytes.fromhex(encoding))


@pytest.mark.parametrize("exchange", rfc9497.VOPRF_EXCHANGES)
def test_an_exchange_gives_the_outputs_of_the_rfc(exchange: rfc9497.Exchange) -> None:
    """RFC 9497, appendix A.1.2: blinding, proof and output."""
    inputs, blinds, evaluated = (
        [bytes.fromhex(each) for each in values]
        for values in (exchange.inputs, exchange.blinds, exchange.evaluated)
    )
    blinded = [
        oprf.blind(message, int.from_bytes(scalar, "little"))
        for message, scalar in zip(inputs, blinds, strict=True)
    ]
    assert list(exchange.blinded) == [each.element.hex() for each in blinded]
    public_key = oprf.encode(oprf.multiply(_scalar(rfc9497.VOPRF_SECRET), oprf.GENERATOR))
    sent = [each.element for each in blinded]
    oprf.verify_proof(public_key, sent, evaluated, bytes.fromhex(exchange.proof))
    outputs = [oprf.finalize(*each).hex() for each in zip(blinded, evaluated, strict=True)]
    assert list(exchange.outputs) == outputs


def test_a_proof_for_another_key_is_refused() -> None:
    """A node that evaluates with another key than it published is found out."""
    exchange = rfc9497.VOPRF_EXCHANGES[0]
    other = oprf.encode(oprf.multiply(7, oprf.GENERATOR))
    sent, got = (
        [bytes.fromhex(each) for each in x] for x in (exchange.blinded, exchange.evaluated)
    )
    with pytest.raises(oprf.Refused):
        oprf.verify_proof(other, sent, got, bytes.fromhex(exchange.proof))


def _scalar(text: str) -> int:
    return int.from_bytes(bytes.fromhex(text), "little")
