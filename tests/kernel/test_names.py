"""Names of persons, as they are compared."""

import pytest

from registry.kernel.names import plain_name


@pytest.mark.parametrize(
    "written",
    [
        "Staff-R1",
        " staff-r1 ",
        "staff -r1",
        "staff-r1\u00a0",
        "staff-\u200br1",
        "\ufeffstaff-r1",
        "\uff53taff-r1",
        "STAFF-R\uff11",
        "staff\u2010r1",
        "staff\u2043r1",
        "staff-r1\ufe0f",
        "staff-r1\U000e0100",
        "staff-r\u034f1",
        "staff-r1\u3164",
        "\u2800staff-r1",
    ],
)
def test_one_name_however_it_is_written(written: str):
    """Spaces, capitals, full width, hyphens and what nobody sees make no second person."""
    assert "staff-r1" == plain_name(written)


@pytest.mark.parametrize("between", ["", "\u200d", "\u034f", "\ufe0f", " "])
def test_an_accent_belongs_to_its_letter(between: str):
    """Whatever that has no shape stands between the two."""
    assert plain_name("Jos\u00e9") == plain_name(f"Jose{between}\u0301")


def test_other_names_stay_other_names():
    """Nothing that can be seen is dropped; nothing but what cannot is empty."""
    others = ("staff-r1", "staff-r2", "staffr1", "\u738b", "")
    assert len(others) == len(set(map(plain_name, others)))
    assert "" == plain_name(" \u200b\u3000\u3164\ufe0f")
    assert plain_name("Stra\u00dfe") == plain_name("STRASSE")
