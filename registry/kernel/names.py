"""Names of persons, as they are compared."""

import unicodedata


def plain_name(name: str) -> str:
    """What is left of a name when it is compared: however it is written it is the same person.

    Neither spaces nor capitals, width nor what nobody sees make it another name.
    """
    if name.isascii():
        return "".join(name.split()).casefold()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(
        each for each in folded if not each.isspace() and unicodedata.category(each) != "Cf"
    )
