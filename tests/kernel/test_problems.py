"""Problems: facts a caller can act on."""

import pytest

from registry.kernel.money import Money
from registry.kernel.problems import Kind, Problem, Text, declared_problems


class AppealClosedHere(Problem):
    """A problem of this test."""

    kind = Kind.CONFLICT
    title = Text(en="Closed", zh="已关闭")
    advice = Text(en="Nothing to do.", zh="无需操作。")


def test_a_problem_has_a_slug_and_a_detail() -> None:
    """The slug comes from the name; the title stands in for a missing detail."""
    assert "appeal-closed-here" == AppealClosedHere.slug()
    assert "Closed" == AppealClosedHere().detail
    assert "Why." == AppealClosedHere("Why.").detail


def test_every_declared_problem_is_complete() -> None:
    """Each has a kind, and title and advice in both languages: its page needs them."""
    problems = list(declared_problems())
    assert AppealClosedHere in problems
    for problem in problems:
        assert isinstance(problem.kind, Kind)
        assert all([problem.title.en, problem.title.zh, problem.advice.en, problem.advice.zh])


@pytest.mark.parametrize(
    ("minor_units", "currency"),
    [(-1, "CNY"), (10**15 + 1, "CNY"), (1, "cny"), (1, "CNYX"), (1, "")],
)
def test_impossible_money_is_refused(minor_units: int, currency: str) -> None:
    """Amounts are whole, not negative, and in a currency."""
    with pytest.raises(ValueError, match="must be"):
        Money(minor_units=minor_units, currency=currency)
