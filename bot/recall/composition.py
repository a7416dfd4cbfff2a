"""Opens what answers questions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.domain import Clock
from bot.guilds import ZoneOf
from bot.index import IndexServices, MessageVectors
from bot.llm import LanguageModel, ModelServices, answers_at_once, judges_claims, providers_of
from bot.memories import MemoryStore
from bot.observe import LogServices
from bot.recall.answers import NO_ANSWER, NO_MODEL, AnswerCheck, Answers
from bot.recall.browse import Browse
from bot.recall.catchup import CatchUp
from bot.recall.digest import DigestLines
from bot.recall.service import Recall
from bot.recall.upcoming import Upcoming
from bot.settings import Settings
from bot.storage import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallServices:
    """What answers questions.

    Attributes:
        recall: finds what was said about a question.
        answers: says in a few sentences what the hits tell.
        catchup: what happened while somebody was away.
        browse: what a server decided, planned, answered and linked.
        upcoming: which plans lie ahead.
        digest: what a digest tells.
        embeds_at_home: whether texts that are embedded stay on the operator's own machines.
    """

    recall: Recall
    answers: Answers
    catchup: CatchUp
    browse: Browse
    upcoming: Upcoming
    digest: DigestLines
    embeds_at_home: bool


def open_recall(
    settings: Settings,
    db: Database,
    logged: LogServices,
    store: MemoryStore,
    index: IndexServices,
    message_vectors: MessageVectors,
    models: ModelServices,
    clock: Clock,
    recalled: Callable[[str, float], None],
    zone_of: ZoneOf,
) -> RecallServices:
    """Open recall; `recalled` is told of each search, and `zone_of` gives the time zone of a server."""
    recall = Recall(
        db,
        logged.fulltext,
        index.index,
        logged.directory,
        store,
        clock,
        recalled,
        message_vectors,
        zone_of,
    )
    if models.model is None:
        answers = Answers(None, why_not=NO_ANSWER if settings.mem0_enabled else NO_MODEL)
    else:
        check = _check(models.model, models.check_model)
        at_once = answers_at_once(settings)
        answers = Answers(models.model, check=check, at_once=at_once, zone_of=zone_of, clock=clock)
    at_home = not providers_of(settings).embedder(settings).is_outside
    catchup = CatchUp(db, store, logged.fulltext)
    return RecallServices(
        recall=recall,
        answers=answers,
        catchup=catchup,
        browse=Browse(db, store, logged.fulltext),
        upcoming=Upcoming(db, store),
        digest=DigestLines(db, catchup),
        embeds_at_home=at_home,
    )


def _check(model: LanguageModel, check_model: LanguageModel | None) -> AnswerCheck:
    """Who judges answers: the model of the settings for it, with the first one beside it where that judges claims."""
    if check_model is None:
        return AnswerCheck(model)
    return AnswerCheck(model, check_model) if judges_claims(check_model.model) else AnswerCheck(check_model)
