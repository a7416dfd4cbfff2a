"""Everything that the Discord side calls; its client hands each cog the few services that it uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.domain import Step, no_step

if TYPE_CHECKING:
    from bot.domain import Clock, Supervisor
    from bot.forget import Clerk, Erasure, PersonalData, Posts
    from bot.guilds import GuildServices
    from bot.memories import MemoryStore, NamedMembers, OwnMemories
    from bot.observe import Directory, Intake, MessageLog, UnreadMessages
    from bot.operate.matters import Matters
    from bot.operate.status import Status
    from bot.recall import Answers, Browse, CatchUp, DigestLines, Recall, Talks, Upcoming
    from bot.remember import Awaited, Flusher, Rereadings
    from bot.storage import Installation


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services behind the commands and listeners.

    Attributes:
        awaited: channels that are read next.
        flusher: None where no language model is in use (MEM0_ENABLED=false).
        guilds: what servers and members decided.
        status: what the work costs, how the services are, and a chart.
        matters: what admins are warned of.
        supervisor: notes how the parts that work in the background do.
        observe_channels: ids that the settings name (OBSERVE_CHANNELS), switched on where nobody decided yet.
        leads: whether this process does what one of several has to do for all.
        flushes: whether this process flushes what is due, rather than workers beside it.
        flush_check_seconds: how often the memory cog asks the flusher what is due.
        take_down_seconds: between two looks at which public posts have lost a source.
        digest_seconds: between two looks at which digests are due.
        warning_seconds: between two looks at what admins are warned of.
        sweep_requests_per_minute: history requests that looking for missed edits and deletions may take.
        quick_seconds: after so long without an answer, what was found is shown first.
        step: told each step of `bot.domain.crash_points` as it is reached.
    """

    clock: Clock
    installation: Installation
    guilds: GuildServices
    directory: Directory
    log: MessageLog
    unread: UnreadMessages
    intake: Intake
    store: MemoryStore
    own: OwnMemories
    named: NamedMembers
    erasure: Erasure
    personal: PersonalData
    clerk: Clerk
    posts: Posts
    talks: Talks
    recall: Recall
    answers: Answers
    catchup: CatchUp
    browse: Browse
    upcoming: Upcoming
    digest: DigestLines
    flusher: Flusher | None
    rereadings: Rereadings
    awaited: Awaited
    status: Status
    matters: Matters
    supervisor: Supervisor
    observe_channels: tuple[int, ...] = ()
    embeds_at_home: bool = False
    leads: bool = True
    flushes: bool = True
    flush_check_seconds: float = 5.0
    take_down_seconds: float = 5.0
    digest_seconds: float = 5.0
    warning_seconds: float = 60.0
    sweep_requests_per_minute: int = 30
    quick_seconds: float = 10.0
    step: Step = no_step
