"""What the work cost, and what it would have cost at OpenAI: comparisons that are named for what they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bot.llm.costs import Usage
from bot.llm.measured_days import BUSY_DAY, QUIET_DAY, MeasuredDay
from bot.llm.prices import PriceTable

EMBEDDING = "embedding"
"""The ledger's purpose of embedding calls."""

BASELINE_MODEL = "gpt-4o-mini"
BASELINE_EMBEDDING = "text-embedding-3-small"
"""What "full OpenAI" stands for: its cheapest models at the time of writing that do this work well."""

ONE_CALL_TOKENS = 8_118
"""Tokens a message of stock mem0 2.2.1 with one `add` for each message, measured on 300 messages of a support chat."""

BATCHED_TOKENS = 428
"""The same in batches of 20 messages."""

MESSAGE_TOKENS = 22
"""Tokens embedded a message with EMBED_MESSAGES: its text behind its speaker's name."""

PROMPT_TOKENS_A_SECOND = 2_500.0
ANSWER_TOKENS_A_SECOND = 80.0
"""What llama3.1:8b at 4 bits reads and writes on an RTX 4090, on the safe side: reports say 60 to 120 written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """Dollars for some work, spent and compared.

    Attributes:
        messages: that were worked through.
        calls: of language models.
        tokens: of language models, prompts and answers.
        embedding_tokens: that were embedded.
        spent: what the services are owed by the price table.
        unpriced: models that are not in the price table; they count as 0.
        same_calls: what the very same calls would have cost with OpenAI's models.
        batches_of_20: what stock mem0 would have cost at OpenAI in batches of 20.
        one_call: what stock mem0 would have cost at OpenAI with one call a message.
        seconds: that models on the operator's own machine worked.
        electricity: what that took.
    """

    messages: int = 0
    calls: int = 0
    tokens: int = 0
    embedding_tokens: int = 0
    spent: float = 0.0
    unpriced: frozenset[str] = frozenset()
    same_calls: float = 0.0
    batches_of_20: float = 0.0
    one_call: float = 0.0
    seconds: float = 0.0
    electricity: float = 0.0

    @property
    def saved(self) -> float:
        """Dollars saved against one call a message."""
        return max(0.0, self.one_call - self.spent)

    def saving(self, baseline: float) -> float | None:
        """The share of `baseline` that was not spent; None where there is nothing to compare."""
        return 1 - self.spent / baseline if baseline > 0 else None


@dataclass(slots=True)
class _Sums:
    messages: int = 0
    calls: int = 0
    prompt: int = 0
    answer: int = 0
    embedded: int = 0
    seconds: float = 0.0
    spent: float = 0.0
    unpriced: set[str] = field(default_factory=set)


def bill(usages: Iterable[Usage], prices: PriceTable) -> Bill:
    """Add up what the ledger has."""
    sums = _Sums()
    for usage in usages:
        _take(sums, usage, prices)
    embedding = prices.cost("openai", BASELINE_EMBEDDING, sums.embedded, 0) or 0.0
    same = prices.cost("openai", BASELINE_MODEL, sums.prompt, sums.answer) or 0.0
    return Bill(
        messages=sums.messages,
        calls=sums.calls,
        tokens=sums.prompt + sums.answer,
        embedding_tokens=sums.embedded,
        spent=sums.spent,
        unpriced=frozenset(sums.unpriced),
        same_calls=same + embedding,
        batches_of_20=_stock(sums.messages, BATCHED_TOKENS, prices) + embedding,
        one_call=_stock(sums.messages, ONE_CALL_TOKENS, prices) + embedding,
        seconds=sums.seconds,
        electricity=prices.electricity(sums.seconds),
    )


def bills_by_day(usages: Iterable[Usage], prices: PriceTable) -> Mapping[str, Bill]:
    """The bill of each UTC day that has one."""
    days: defaultdict[str, list[Usage]] = defaultdict(list)
    for usage in usages:
        days[usage.day].append(usage)
    return {day: bill(rows, prices) for day, rows in days.items()}


def estimate(
    messages: int,
    *,
    prices: PriceTable,
    llm: tuple[str, str],
    embedder: tuple[str, str],
    embed_messages: bool = False,
    measured: Bill | None = None,
) -> Bill:
    """What so many messages are likely to cost.

    Args:
        messages: how many, in a day.
        prices: what tokens cost.
        llm: provider and model that extract.
        embedder: provider and model that embed.
        embed_messages: whether messages are embedded as well.
        measured: what was measured here; its tokens a message take the place of the general figures.
    """
    day = _likely_day(messages)
    embedded = float(day.embedded_tokens + (MESSAGE_TOKENS * messages if embed_messages else 0))
    seconds = day.prompt_tokens / PROMPT_TOKENS_A_SECOND + day.answer_tokens / ANSWER_TOKENS_A_SECOND
    ratio = 1.0
    if measured is not None and measured.messages:
        share = messages / measured.messages
        ratio = measured.tokens * share / (day.prompt_tokens + day.answer_tokens)
        embedded = measured.embedding_tokens * share
        seconds = measured.seconds * share or seconds * ratio
    work = Usage(
        day="",
        provider=llm[0],
        model=llm[1],
        purpose="extraction",
        calls=round(day.calls * ratio),
        prompt_tokens=round(day.prompt_tokens * ratio),
        completion_tokens=round(day.answer_tokens * ratio),
        messages=messages,
        seconds=seconds,
    )
    vectors = Usage(day="", provider=embedder[0], model=embedder[1], purpose=EMBEDDING, prompt_tokens=round(embedded))
    return bill([work, vectors], prices)


def dollars(amount: float) -> str:
    """An amount as people read it; less than a cent to a hundredth of a cent."""
    return f"${amount:,.2f}" if amount >= 0.01 or amount == 0 else f"${amount:.4f}"


def _likely_day(messages: int) -> MeasuredDay:
    """What so many messages of a day ask of the models: the more of them, the more lines there are to a call."""
    if messages <= QUIET_DAY.messages:
        return MeasuredDay(*(round(figure * messages / QUIET_DAY.messages) for figure in QUIET_DAY))
    if messages >= BUSY_DAY.messages:
        return MeasuredDay(*(round(figure * messages / BUSY_DAY.messages) for figure in BUSY_DAY))
    share = (messages - QUIET_DAY.messages) / (BUSY_DAY.messages - QUIET_DAY.messages)
    return MeasuredDay(*(round(low + share * (high - low)) for low, high in zip(QUIET_DAY, BUSY_DAY, strict=True)))


def _take(sums: _Sums, usage: Usage, prices: PriceTable) -> None:
    dollars = prices.cost(usage.provider, usage.model, usage.prompt_tokens, usage.completion_tokens)
    if dollars is None:
        sums.unpriced.add(usage.model)
    sums.spent += dollars or 0.0
    if usage.provider in prices.free:
        sums.seconds += usage.seconds
    if usage.purpose == EMBEDDING:
        sums.embedded += usage.prompt_tokens
        return
    sums.messages += usage.messages
    sums.calls += usage.calls
    sums.prompt += usage.prompt_tokens
    sums.answer += usage.completion_tokens


def _stock(messages: int, tokens: int, prices: PriceTable) -> float:
    """All tokens at the price of a prompt, which flatters the baseline."""
    return prices.cost("openai", BASELINE_MODEL, messages * tokens, 0) or 0.0
