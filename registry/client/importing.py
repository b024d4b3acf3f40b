"""Many reports at once: uploads bodies of lines, follows them, reads what was refused."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from registry.client.addresses import next_target, path_part
from registry.client.problems import AnswerNotUnderstood
from registry.client.reading import Reader
from registry.client.registry import Registry
from registry.kernel import strict_json
from registry.kernel.canonical import JsonValue

IMPORTS_PATH = "/v1/imports"
MEDIA_TYPE = "application/x-ndjson"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportProgress:
    """How far an import is; `filed`, `repeated` and `refused` add up to what is done."""

    id: str
    state: str
    reports: int
    filed: int
    repeated: int
    refused: int

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in {"finished", "stopped"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedLine:
    """Why a line was refused; `line` counts from 1 in the body that was sent."""

    line: int
    reference: str | None
    problem: Mapping[str, JsonValue] = field(repr=False)


class Imports:
    """A member's imports at one registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def start(self, lines: Sequence[bytes]) -> ImportProgress:
        """Sends reports, one a line, tokens and all; from then on the registry works them off.

        Raises: RegistryProblem.
        """
        reader = self._call("POST", IMPORTS_PATH, b"\n".join(lines), {"Content-Type": MEDIA_TYPE})
        return _progress(reader.child("import"))

    def progress(self, id: str) -> ImportProgress:
        """How far an import is.

        Raises: RegistryProblem.
        """
        reader = self._call("GET", f"{IMPORTS_PATH}/{path_part(id)}?limit=1")
        return _progress(reader.child("import"))

    def refused(self, id: str) -> Iterator[RefusedLine]:
        """Every line of an import that was refused, fetched page by page.

        Raises: RegistryProblem.
        """
        target: str | None = f"{IMPORTS_PATH}/{path_part(id)}"
        while target is not None:
            answer = self._registry.call("GET", target)
            if answer.status >= 400:
                raise self._registry.problem_of(answer)
            for each in _reader(answer.body).children("problems"):
                yield RefusedLine(
                    line=each.integer("line"),
                    reference=each.maybe_text("reference"),
                    problem=each.child("problem").document,
                )
            target = next_target(
                answer.headers.get("link"), origin=self._registry.origin, target=target
            )

    def _call(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reader:
        answer = self._registry.call(method, target, body, headers)
        if answer.status >= 400:
            raise self._registry.problem_of(answer)
        return _reader(answer.body)


def _reader(body: bytes) -> Reader:
    try:
        return Reader(strict_json.parse(body), "the answer")
    except strict_json.MalformedJson as error:
        raise AnswerNotUnderstood("the answer is not JSON") from error


def _progress(reader: Reader) -> ImportProgress:
    return ImportProgress(
        id=reader.text("id"),
        state=reader.text("state"),
        reports=reader.integer("reports"),
        filed=reader.integer("filed"),
        repeated=reader.integer("repeated"),
        refused=reader.integer("refused"),
    )
