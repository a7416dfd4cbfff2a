"""Scores recall on a folder of chats with questions: `python bench/recall.py DATA [DATA …]`.

A folder holds `messages.jsonl` (as `python -m bot replay` takes it) and `questions.jsonl`: `id`, `query`, `guild_id`,
optional `channel_id`, `as_of`, `asker_id`, and either `evidence` (ids of messages that hold the answer) or `include`
(strings that a correct result contains). The messages go through the same log as live ones, no language model and no
embeddings take part, and each question scores the share of its evidence cited, or of its strings found ignoring case,
in its first hits, which together hold at most so many characters. With `--embed URL` (an embedding service that speaks
OpenAI's protocol) the same is asked with EMBED_MESSAGES, and with `--stock URL` of stock mem0, in the same run.
With `--prompt` it tells the share of questions whose whole evidence (all ids, or all strings, of which some in public
data are regular expressions) is in the lines that a model would be shown to answer them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.domain import references
from bot.domain.model import Hit
from bot.llm.loading import load_settings
from bot.observe.exports import open_export
from bot.observe.messagelog import Said
from bot.recall import Answer, Answers, AnswerState, Presenter, RecallQuery, Responder
from bot.recall.answers import Material
from bot.recall.answers.drafting import SearchAgain
from bot.recall.answers.evidence import Evidence, evidence_of
from bot.recall.answers.service import Stands
from bot.run.app import open_app
from bot.settings.config import Settings
from bot.text import SecretFinder

if TYPE_CHECKING:
    from bench.stock import Found, StockMem0
    from bot.observe.directory import Directory
    from bot.recall import Recall

ROOT = Path(__file__).resolve().parents[1]
GROUP = 500
HITS = 10
CHARACTERS = 4_000  # 1,000 tokens of 4 characters


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one question went.

    Attributes:
        milliseconds: wall time.
        busy: processor time, which says more where the machine has other work; milliseconds too.
    """

    category: str
    channel: str
    score: float
    characters: int
    milliseconds: float
    busy: float


def main() -> None:
    """Score every folder and print one line of figures each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+", help="folder with messages.jsonl and questions.jsonl")
    parser.add_argument("--hits", type=int, default=HITS, help="first hits that count")
    parser.add_argument("--characters", type=int, default=CHARACTERS, help="characters that they may hold together")
    parser.add_argument("--prompt", action="store_true", help="whether the whole evidence is before the model")
    parser.add_argument("--database", help="address of an empty PostgreSQL database, for one folder; unset: SQLite")
    parser.add_argument("--embed", metavar="URL", help="ask with EMBED_MESSAGES as well, with embeddings from here")
    parser.add_argument("--stock", metavar="URL", help="ask stock mem0 as well, with embeddings from here")
    parser.add_argument("--model", default="all-MiniLM-L6-v2", help="embedding model of that service")
    parser.add_argument("--dims", type=int, default=384, help="numbers in one of its vectors")
    options = parser.parse_args()
    for folder in options.data:
        if options.prompt:
            whole = asyncio.run(run_prompts(folder, options))
            share = f"{sum(whole)}/{len(whole)}: {statistics.fmean(whole):.4f}"
            print(f"{folder.name}: whole evidence before the model {share}")
            continue
        show(folder.name, asyncio.run(run(folder, options)))
        if options.embed:
            show(f"{folder.name}, EMBED_MESSAGES", asyncio.run(run(folder, options, embed=True)))
        if options.stock:
            show(f"{folder.name}, stock mem0", run_stock(folder, options))


async def run(folder: Path, options: argparse.Namespace, *, embed: bool = False) -> list[Outcome]:
    """Log the messages into a database of their own and ask every question."""
    with tempfile.TemporaryDirectory() as scratch:
        settings = settings_of(Path(scratch), options, embed=embed)
        async with open_app(settings, extract=False, leads=True) as app:
            said = messages_of(folder)
            for start in range(0, len(said), GROUP):
                await app.log.append(said[start : start + GROUP])
            await app.indexer.drain()
            asked = questions_of(folder)
            return [await ask(app.recall, app.directory, one, options.hits, options.characters) for one in asked]


class _Shown(Answers):
    """Asks nobody, and keeps what would be shown."""

    def __init__(self) -> None:
        super().__init__(None)
        self.evidence: Evidence | None = None

    async def answer(
        self, query: RecallQuery, material: Material, *, stands: Stands, search_again: SearchAgain | None = None
    ) -> Answer:
        self.evidence = evidence_of(material, _NoSecrets(), UTC)
        return Answer(AnswerState.UNKNOWN)


class _NoSecrets(SecretFinder):
    """Finds none: what a model is not shown on purpose counts as shown."""

    def find(self, text: str) -> list[str]:
        return []


class _NotCompared:
    """There is no Discord here."""

    async def check(self, guild_id: int, places: Mapping[int, Collection[int]]) -> frozenset[int]:
        return frozenset()


async def run_prompts(folder: Path, options: argparse.Namespace) -> list[bool]:
    """Whether the whole evidence of each question is before the model; of those that have any."""
    with tempfile.TemporaryDirectory() as scratch:
        async with open_app(settings_of(Path(scratch), options, embed=False), extract=False, leads=True) as app:
            said = messages_of(folder)
            for start in range(0, len(said), GROUP):
                await app.log.append(said[start : start + GROUP])
            shown = _Shown()
            responder = Responder(app.recall, shown, Presenter(app.log, app.store, _NotCompared()), app.directory)
            whole = []
            for question in questions_of(folder):
                query = query_of(question, options.hits, options.characters)
                shown.evidence = None
                channel_ids = query.channel_ids or await app.directory.channel_ids(query.guild_id)
                await responder.respond(query, partial(_readable, channel_ids))
                if question.get("evidence") or question.get("include"):
                    whole.append(_is_whole(question, shown.evidence))
            return whole


async def _readable(channel_ids: frozenset[int]) -> frozenset[int]:
    return channel_ids


def _is_whole(question: dict[str, Any], evidence: Evidence | None) -> bool:
    sources = () if evidence is None else tuple(evidence.sources.values())
    if question.get("evidence"):
        return {int(message_id) for message_id in question["evidence"]} <= {source.message_id for source in sources}
    text = "\n".join(f"{source.speaker}: {source.said}" for source in sources).lower()
    return all(wanted.lower() in text or re.search(wanted, text, re.IGNORECASE) for wanted in question["include"])


def settings_of(folder: Path, options: argparse.Namespace, *, embed: bool) -> Settings:
    """Settings without any model, or with EMBED_MESSAGES and an embedding service."""
    service = {
        "openai_base_url": options.embed,
        "openai_api_key": "unused",
        "embedding_model": options.model,
        "embedding_dims": options.dims,
    }
    return load_settings(
        None,
        data_dir=folder,
        database_url=options.database,
        mem0_enabled=embed,
        embed_messages=embed,
        **(service if embed else {}),
    )


def run_stock(folder: Path, options: argparse.Namespace) -> list[Outcome]:
    """Give stock mem0 the messages, and ask it every question."""
    sys.path.insert(0, str(ROOT))  # where this file is run by its path
    from bench.stock import Embeddings, stock_mem0

    service = Embeddings(options.stock, options.model, options.dims)
    with (
        tempfile.TemporaryDirectory() as scratch,
        stock_mem0(Path(scratch), service, messages_of(folder)) as stock,
    ):
        return [ask_stock(stock, question, options.hits, options.characters) for question in questions_of(folder)]


def messages_of(folder: Path) -> list[Said]:
    """What was said, in order."""
    return [Said(one.message, one.author_name) for one in open_export(folder / "messages.jsonl")]


def questions_of(folder: Path) -> list[dict[str, Any]]:
    """What is asked."""
    lines = (folder / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def ask_stock(stock: StockMem0, question: dict[str, Any], hits: int, characters: int) -> Outcome:
    """Ask stock mem0 one question and score what comes."""
    started, busy = time.perf_counter(), time.process_time()
    found = stock.search(question, hits)
    milliseconds, busy = 1000 * (time.perf_counter() - started), 1000 * (time.process_time() - busy)
    texts = [hit.text for hit in found]
    counted = within(texts, characters)
    return Outcome(
        category=question.get("category", ""),
        channel=str(question.get("channel_id")),
        score=score(question, found[:counted], texts[:counted]),
        characters=sum(map(len, texts[:counted])),
        milliseconds=milliseconds,
        busy=busy,
    )


def query_of(question: dict[str, Any], hits: int, characters: int) -> RecallQuery:
    """The query of a question."""
    channel = question.get("channel_id")
    return RecallQuery(
        guild_id=int(question["guild_id"]),
        text=question["query"],
        channel_ids=None if channel is None else frozenset({int(channel)}),
        asker_id=int(question["asker_id"]) if question.get("asker_id") else None,
        until=int(question["as_of"]) if question.get("as_of") else None,
        limit=hits,
        max_chars=characters,
    )


async def ask(recall: Recall, directory: Directory, question: dict[str, Any], hits: int, characters: int) -> Outcome:
    """Ask one question and score what comes."""
    query = query_of(question, hits, characters)
    started, busy = time.perf_counter(), time.process_time()
    result = await recall.search(query)
    milliseconds, busy = 1000 * (time.perf_counter() - started), 1000 * (time.process_time() - busy)
    people = {i for hit in result.hits for i in (*hit.author_ids, *references.people_in([hit.text]))}
    names = await directory.names(query.guild_id, people)
    texts = [references.with_names(hit.text, names) for hit in result.hits]
    counted = within(texts, characters)
    return Outcome(
        category=question.get("category", ""),
        channel=str(question.get("channel_id")),
        score=score(question, result.hits[:counted], texts[:counted]),
        characters=sum(map(len, texts)),
        milliseconds=milliseconds,
        busy=busy,
    )


def within(texts: Sequence[str], characters: int) -> int:
    """How many of the first texts fit into so many characters."""
    used = 0
    for number, text in enumerate(texts):
        used += len(text)
        if used > characters:
            return number
    return len(texts)


def score(question: dict[str, Any], hits: Iterable[Hit | Found], texts: Iterable[str]) -> float:
    """The share of the evidence cited, or of the strings found; a question with neither counts as answered."""
    if question.get("evidence"):
        cited = {message_id for hit in hits for message_id in hit.message_ids}
        return statistics.fmean(int(message_id) in cited for message_id in question["evidence"])
    if question.get("include"):
        found = "\n".join(texts).lower()
        return statistics.fmean(wanted.lower() in found for wanted in question["include"])
    return 1.0


def show(name: str, outcomes: Sequence[Outcome]) -> None:
    """Print the score in all, by category and by conversation, and how long it took."""
    by_category: defaultdict[str, list[float]] = defaultdict(list)
    by_channel: defaultdict[str, list[float]] = defaultdict(list)
    for outcome in outcomes:
        by_category[outcome.category].append(outcome.score)
        by_channel[outcome.channel].append(outcome.score)
    print(f"{name}: {statistics.fmean(o.score for o in outcomes):.4f} over {len(outcomes)} questions")
    print("  by category: " + ", ".join(f"{of_what} {statistics.fmean(of):.3f}" for of_what, of in by_category.items()))
    print("  by conversation: " + " ".join(f"{statistics.fmean(of):.2f}" for of in by_channel.values()))
    print(f"  characters at most {max(o.characters for o in outcomes)}")
    for what, took in (
        ("milliseconds", [o.milliseconds for o in outcomes]),
        ("of the processor", [o.busy for o in outcomes]),
    ):
        print(f"  {what}: median {statistics.median(took):.0f}, 95 % {sorted(took)[len(took) * 95 // 100]:.0f}")


if __name__ == "__main__":
    main()
