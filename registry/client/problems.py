"""What can go wrong between this client and the registry, each a fact of its own.

An identifier that is not one is `registry.identity.normalise.InvalidIdentifier`:
it is refused here, before anything is sent.
"""

from collections.abc import Mapping, Sequence

from registry.kernel.canonical import JsonValue
from registry.kernel.problems import FieldError


class RegistryError(Exception):
    """Anything that went wrong between this client and the registry."""


class RegistryProblem(RegistryError):
    """The registry answered with a problem document (RFC 9457).

    `type` is the address of the problem's page, `slug` its last part (the name
    to branch on), `errors` point at places of the body. `retry_after_seconds`
    is how long the registry asked to wait. `document` is the whole answer.
    """

    def __init__(
        self,
        *,
        type: str,
        title: str,
        status: int,
        detail: str,
        errors: Sequence[FieldError] = (),
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
        document: Mapping[str, JsonValue] | None = None,
    ) -> None:
        super().__init__(f"{status} {title}: {detail}" if detail else f"{status} {title}")
        self.type = type
        self.title = title
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds
        self.document: Mapping[str, JsonValue] = document or {}

    @property
    def slug(self) -> str:
        """The name of the problem: the last part of its type."""
        return self.type.rstrip("/").rpartition("/")[2]


class RegistryUnreachable(RegistryError):
    """No answer came: no connection, a broken one, or none in time.

    What was sent may have arrived; sent again under the same reference or
    idempotency key it counts once.
    """


class AnswerNotUnderstood(RegistryError):
    """An answer came that this client cannot read: its shape, its size, a redirect."""


class AnswerNotTrusted(RegistryError):
    """An answer came whose proof or signature is not the registry's.

    Nothing was computed from it. Tell the operator: a proof does not fail by
    chance.
    """
