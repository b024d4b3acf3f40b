"""Which characters a text from outside may not hold, because its reader would not see them.

Controls steer a terminal, and separators break lines for one reader and not for another.
Bidirectional embeddings, overrides and isolates show another text than the one that is
stored: what a person or a member says is read by people who decide. Zero-width spaces,
byte order marks and invisible operators make two names look like one.
Joiners, direction marks, soft hyphens and variation selectors stay: scripts and emoji are
written with them.
Source: Unicode Standard Annex 9, section 2; Unicode Technical Standard 55, section 3.
"""

import re
import unicodedata

# Parts of a character class, in the spelling that Python and JSON Schema share.
_UNSEEN = "\\u007f-\\u009f\\u200b\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb"
OF_NO_LINE = f"\\u0000-\\u001f{_UNSEEN}"
# Several lines, indented as their writer likes, are made with tabs and line feeds.
OF_NO_PROSE = f"\\u0000-\\u0008\\u000b-\\u001f{_UNSEEN}"

# Letters and marks without a shape of their own. Source: Unicode, Default_Ignorable_Code_Point
# of other categories than C; and the blank of Braille.
BLANKS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)

_OF_NO_LINE_FORM = re.compile(f"[{OF_NO_LINE}]")
_OF_NO_PROSE_FORM = re.compile(f"[{OF_NO_PROSE}]")
_TO_SHOW_FORM = re.compile(f"[\\t{OF_NO_PROSE}]")


def is_plain_line(text: str) -> bool:
    """Whether `text` shows all that it holds, in one line."""
    # Nearly all text is printable, which tells at once that it holds none of these.
    return text.isprintable() or _OF_NO_LINE_FORM.search(text) is None


def is_plain_prose(text: str) -> bool:
    """Whether `text` shows all that it holds, in any number of lines."""
    return text.isprintable() or _OF_NO_PROSE_FORM.search(text) is None


def says_something(text: str) -> bool:
    """Whether anything of `text` is seen: not white space alone, nor what has no shape."""
    return any(unicodedata.category(each)[0] not in "ZC" for each in BLANKS.sub("", text))


def shown(text: str, replacement: str) -> str:
    """`text` with `replacement` in the place of each character that would not be seen.

    Line feeds stay; tabs do not.
    """
    return _TO_SHOW_FORM.sub(replacement, text)
