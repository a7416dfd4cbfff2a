"""What happens while the operator's own model does not answer: wait, let another one take over, or skip."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from bot.domain import AnswerError, Clock, ServiceError, ServiceGivenUp
from bot.llm.base import Completion, CompletionRequest, LanguageModel
from bot.llm.costs import Ledger
from bot.llm.guarded import EMBEDDING
from bot.llm.prices import PriceTable

log = logging.getLogger(__name__)


class Course(StrEnum):
    """Who makes memories now."""

    ORDINARY = "ordinary"  # the model of the settings; while it is away, what is to do waits
    SUBSTITUTE = "substitute"  # another model, for money
    OVER_BUDGET = "over_budget"  # nobody: the other one's budget of the day is used up
    SKIPPING = "skipping"  # nobody: messages are skipped


_SAYING = {
    Course.ORDINARY: "%s answers again and makes the memories",
    Course.SUBSTITUTE: "%s does not answer: the substitute makes the memories until it does",
    Course.OVER_BUDGET: "%s does not answer, and FALLBACK_DAILY_BUDGET_USD is used up: messages wait",
    Course.SKIPPING: "%s does not answer: messages are skipped until it does",
}


@dataclass(frozen=True, slots=True)
class FallbackStanding:
    """What is done now, and since when (milliseconds since 1970).

    Attributes:
        model: the model of the settings, which does not answer where the course is not the ordinary one.
        substitute: who stands in for it.
    """

    course: Course
    since_ms: int
    model: str
    substitute: str | None


class FallbackModel:
    """A LanguageModel that knows what to do while its own does not answer.

    Every call tries the model of the settings first: while its breaker is open that costs nothing, and once its health
    check passes it has the work back.

    Args:
        model: the model of the settings.
        substitute: takes over; None where messages are skipped instead.
        after_seconds: for how long the model must have failed before anything else is done.
        daily_budget: US dollars that the substitute may cost on one UTC day.
        ledger: knows what it has cost today, also before a restart.
        prices: what its tokens cost; they must be in there.
        clock: tells the day.
        title: of who takes over, for people.
        now: a clock that never jumps, in seconds.
    """

    def __init__(
        self,
        model: LanguageModel,
        substitute: LanguageModel | None,
        *,
        after_seconds: float,
        daily_budget: float,
        ledger: Ledger,
        prices: PriceTable,
        clock: Clock,
        title: str | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.provider = model.provider
        self.model = model.model
        self._model = model
        self._substitute = substitute
        self._after = after_seconds
        self._budget = daily_budget
        self._ledger = ledger
        self._prices = prices
        self._clock = clock
        self._now = now
        self._down_since: float | None = None
        self._set_aside: defaultdict[str, float] = defaultdict(float)
        stands_in = None if substitute is None else title or substitute.provider
        self._standing = FallbackStanding(Course.ORDINARY, clock(), model.provider, stands_in)

    @property
    def standing(self) -> FallbackStanding:
        """What is done now."""
        return self._standing

    async def complete(self, request: CompletionRequest) -> Completion:
        """See LanguageModel.

        Raises:
            ServiceGivenUp: the model has been away for so long that the settings want the messages skipped.
        """
        try:
            answer = await self._model.complete(request)
        except AnswerError:
            self._is_back()
            raise
        except ServiceError as error:
            if not self._given_up():
                raise
            substitute = self._substitute
            if substitute is None:
                self._take(Course.SKIPPING)
                raise ServiceGivenUp(error.service, "away for longer than FALLBACK_AFTER_SECONDS") from None
            price = self._price(substitute, request.prompt_tokens, request.max_tokens)
            if await self._spent_today(substitute) + price > self._budget:
                self._take(Course.OVER_BUDGET)
                raise
        else:
            self._is_back()
            return answer
        self._take(Course.SUBSTITUTE)
        return await self._at_a_price(price, substitute.complete(request))

    async def check(self) -> None:
        """The own model's health check, straight."""
        await self._model.check()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._model.aclose()
        if self._substitute is not None:
            await self._substitute.aclose()

    async def _at_a_price(self, price: float, call: Awaitable[Completion]) -> Completion:
        """Make the call with its price set aside, and keep it so where the ledger can't know what was paid."""
        today = self._today()
        self._set_aside[today] += price
        try:
            answer = await call
        except AnswerError:
            raise
        except BaseException:
            self._set_aside[today] -= price
            raise
        self._set_aside[today] -= price
        return answer

    def _given_up(self) -> bool:
        """The model failed once more: whether it has done so for long enough."""
        now = self._now()
        if self._down_since is None:
            self._down_since = now
        return now - self._down_since >= self._after

    def _is_back(self) -> None:
        self._down_since = None
        self._take(Course.ORDINARY)

    def _take(self, course: Course) -> None:
        """Change the course, and say so once."""
        standing = self._standing
        if course is standing.course:
            return
        self._standing = FallbackStanding(course, self._clock(), standing.model, standing.substitute)
        log.warning(_SAYING[course], self.provider)

    def _price(self, model: LanguageModel, prompt_tokens: int, completion_tokens: int) -> float:
        return self._prices.cost(model.provider, model.model, prompt_tokens, completion_tokens) or 0.0

    def _today(self) -> str:
        return datetime.fromtimestamp(self._clock() / 1000, tz=UTC).date().isoformat()

    async def _spent_today(self, model: LanguageModel) -> float:
        today = self._today()
        return self._set_aside[today] + sum(
            self._price(model, usage.prompt_tokens, usage.completion_tokens)
            for usage in await self._ledger.totals(today)
            if (usage.provider, usage.model) == (model.provider, model.model) and usage.purpose != EMBEDDING
        )
