"""Parts of addresses, and the Link header that leads to the next page."""

import re
from urllib.parse import quote, urljoin, urlsplit

from registry.client.problems import AnswerNotUnderstood

_PARAMETER = r";\s*[a-z*]+\s*=\s*(?:\"[^\"]*\"|[^\s;,\"]+)\s*"
_LINK = re.compile(rf"<([^<>]*)>\s*((?:{_PARAMETER})*)", re.IGNORECASE)
_REL = re.compile(r";\s*rel\s*=\s*\"?([^\";]*)", re.IGNORECASE)


def path_part(text: str) -> str:
    """`text` as one part of a path, whatever characters it has."""
    return quote(text, safe="")


def next_target(header: str | None, *, origin: str, target: str) -> str | None:
    """Path and query of the next page after `target`; None on the last one.

    Raises: AnswerNotUnderstood when the page is at another origin.
    """
    # RFC 8288 §3: <reference>; rel="next", as many as there are.
    for match in _LINK.finditer(header or ""):
        relation = _REL.search(match.group(2))
        if relation is not None and "next" in relation.group(1).lower().split():
            parts = urlsplit(urljoin(origin + target, match.group(1)))
            if f"{parts.scheme}://{parts.netloc}" != origin:
                raise AnswerNotUnderstood("the next page is at another origin; it is not followed")
            return f"{parts.path}?{parts.query}" if parts.query else parts.path
    return None
