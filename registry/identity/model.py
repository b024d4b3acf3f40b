"""The nouns of identity: tokens as they arrive, evaluation keys as published."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from registry.crypto.voprf import SUITE, KeyPair
from registry.identity.normalise import IdentifierType
from registry.kernel.problems import Kind, Problem, Text

EVALUATED_AT_ONCE_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityToken:
    """An identity token (32 bytes) and the key it was made under; in no repr, never stored."""

    type: IdentifierType
    key_id: str
    token: bytes = field(repr=False)


class KeyStatus(StrEnum):
    """Whether new tokens should be made under a key."""

    CURRENT = "current"
    PREVIOUS = "previous"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyNode:
    """A node that holds a share of a key; proofs verify against its share's public key."""

    origin: str
    share_public_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySet:
    """An evaluation key as published: `threshold` of its `nodes` evaluate together.

    With one node its share is the key.
    """

    key_id: str
    public_key: bytes
    threshold: int
    nodes: tuple[KeyNode, ...]
    status: KeyStatus
    suite: str = SUITE


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationKey:
    """This node's share of an evaluation key."""

    key_id: str
    created_at: datetime
    public_key: bytes
    threshold: int
    nodes: tuple[KeyNode, ...]
    share: KeyPair

    def published(self, status: KeyStatus) -> KeySet:
        """What everyone may know of it."""
        return KeySet(
            key_id=self.key_id,
            public_key=self.public_key,
            threshold=self.threshold,
            nodes=self.nodes,
            status=status,
        )


class KeyUnknown(Problem):
    """This node has no share of the key named."""

    kind = Kind.NOT_FOUND
    title = Text(en="No such evaluation key", zh="没有该计算密钥")
    advice = Text(
        en="Use a key_id of GET /.well-known/consumer-credit-registry, best the current one.",
        zh="请使用 GET /.well-known/consumer-credit-registry 公布的 key_id，优先使用当前密钥。",
    )


class EvaluationQuotaSpent(Problem):
    """The member has asked for all the evaluations it may have in this hour."""

    kind = Kind.TOO_MANY
    title = Text(en="The evaluation quota of this hour is spent", zh="本小时的计算配额已用完")
    advice = Text(
        en="Try again after the time in Retry-After; keep the tokens you have for use again.",
        zh="请按 Retry-After 给出的时间后重试；已有的令牌请缓存复用，不要重复计算。",
    )
