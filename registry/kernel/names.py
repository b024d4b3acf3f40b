"""Names of persons, as they are compared."""

import unicodedata

from registry.kernel.plain_text import BLANKS

# Beside those of the category of dashes: the minus sign and the hyphen bullet.
_HYPHENS = "\u2212\u2043"


def plain_name(name: str) -> str:
    """What is left of a name when it is compared: however it is written it is the same person.

    Neither spaces nor capitals, width, kind of hyphen nor what nobody sees make it another
    name.
    """
    if name.isascii():
        return "".join(name.split()).casefold()
    seen = BLANKS.sub("", name)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", seen).casefold())
    kept = "".join(filter(None, map(_kept, folded)))
    # What stood between a letter and its accent kept them apart.
    return unicodedata.normalize("NFKC", BLANKS.sub("", kept))


def _kept(character: str) -> str:
    category = unicodedata.category(character)
    if character.isspace() or category == "Cf":
        return ""
    return "-" if category == "Pd" or character in _HYPHENS else character
