"""What everything else is written in: messages, memories, citations and hits, snowflakes, errors and the clock.

It knows no database, no model and no Discord. Nothing here imports another package of this program.
"""

from bot.domain import references, snowflake
from bot.domain.addresses import QDRANT_PORT, host_name, qdrant_address
from bot.domain.clock import FAR_MS, Clock, steady_clock, system_clock
from bot.domain.crash_points import Step, no_step
from bot.domain.errors import (
    AnswerCut,
    AnswerDeclined,
    AnswerError,
    AnswerInvalid,
    ChannelMemoryError,
    InUse,
    NotFound,
    RateLimited,
    Refused,
    ServiceAbsent,
    ServiceError,
    ServiceFailed,
    ServiceGivenUp,
    ServiceRejected,
    ServiceUnavailable,
    StartupError,
    TextTooLong,
    UserError,
)
from bot.domain.links import jump_url
from bot.domain.model import (
    MAX_CONTENT,
    PERSONAL_KINDS,
    Citation,
    Doubt,
    Hit,
    HitKind,
    Line,
    Memory,
    MemoryKind,
    MemoryOrigin,
    MemoryState,
    Message,
    MessageState,
)
from bot.domain.references import MENTION, SOMEBODY, people_in, with_names, without_people
from bot.domain.retries import Retries
from bot.domain.supervision import Backoff, Run, Supervisor

__all__ = [
    "FAR_MS",
    "MAX_CONTENT",
    "MENTION",
    "PERSONAL_KINDS",
    "QDRANT_PORT",
    "SOMEBODY",
    "AnswerCut",
    "AnswerDeclined",
    "AnswerError",
    "AnswerInvalid",
    "Backoff",
    "ChannelMemoryError",
    "Citation",
    "Clock",
    "Doubt",
    "Hit",
    "HitKind",
    "InUse",
    "Line",
    "Memory",
    "MemoryKind",
    "MemoryOrigin",
    "MemoryState",
    "Message",
    "MessageState",
    "NotFound",
    "RateLimited",
    "Refused",
    "Retries",
    "Run",
    "ServiceAbsent",
    "ServiceError",
    "ServiceFailed",
    "ServiceGivenUp",
    "ServiceRejected",
    "ServiceUnavailable",
    "StartupError",
    "Step",
    "Supervisor",
    "TextTooLong",
    "UserError",
    "host_name",
    "jump_url",
    "no_step",
    "people_in",
    "qdrant_address",
    "references",
    "snowflake",
    "steady_clock",
    "system_clock",
    "with_names",
    "without_people",
]
