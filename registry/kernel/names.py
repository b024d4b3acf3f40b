"""Names of persons, as they are compared."""

import re
import unicodedata

# What has no shape though it is no space and no format character: fillers, selectors of a
# variation, the joiner of graphemes, the blank braille. Source: Default_Ignorable_Code_Point
# of the Unicode Character Database, beyond the category Cf.
_SHAPELESS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)


def plain_name(name: str) -> str:
    """What is left of a name when it is compared: however it is written it is the same person.

    Neither spaces nor capitals, width, kind of hyphen nor what nobody sees make it another
    name.
    """
    if name.isascii():
        return "".join(name.split()).casefold()
    seen = _SHAPELESS.sub("", name)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", seen).casefold())
    kept = "".join(filter(None, map(_kept, folded)))
    # What stood between a letter and its accent kept them apart.
    return unicodedata.normalize("NFKC", _SHAPELESS.sub("", kept))


def _kept(character: str) -> str:
    category = unicodedata.category(character)
    if character.isspace() or category == "Cf":
        return ""
    return "-" if category == "Pd" or character == "\u2212" else character
