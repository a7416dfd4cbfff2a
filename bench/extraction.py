"""What extraction makes of a chat, and at what cost: `python -m bench.extraction DATA --model llama3.1:8b [--stock 5]`.

The first messages of a folder (`messages.jsonl`, and `questions.jsonl` where there is one) go through the whole
pipeline against any endpoint of Ollama or OpenAI. Prints one JSON object: how many of the questions that these messages
can answer some memory cites the evidence of, or holds the answer of; whether memories have the right speaker; how many
say the same; what was refused, by reason; and what it took. With `--stock N` the same endpoint, model and messages go
through mem0's own `add(infer=True)`, N calls of 1 and N of 20 messages each. `--scripted` puts a model on loopback
in the endpoint's place, for counting alone. Whether a memory is worth keeping only a reader can say: `--memories FILE`
lists them with the lines that they cite.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

import bot.llm.composition
import bot.llm.ollama
from bench.extraction_scores import (
    Made,
    answerable,
    answers_held,
    duplicates,
    evidence_cited,
    named,
    quantile,
    speakers_right,
)
from bench.meter import Measured, Meter, tokens_of
from bench.scripted_model import scripted
from bench.stock import Endpoint, mem0_extracts
from bot.domain import references
from bot.domain.model import Memory, MessageState
from bot.guilds.rules import FactsRule
from bot.llm.loading import load_settings
from bot.observe.exports import Exported, open_export
from bot.observe.messagelog import Said
from bot.run.app import App, open_app
from bot.run.replay import Replay, Summary
from bot.settings.config import Settings
from bot.storage.schema import messages as logged
from tests.loopback.ollama import LoopbackOllama
from tests.loopback.openai import LoopbackOpenAI

SCRIPTED = "scripted"
OLLAMA_ADDRESS = "http://127.0.0.1:11434"
OPENAI_ADDRESS = "https://api.openai.com"
STOCK_BATCHES = (1, 20)
PATIENT_SECONDS = 1_800.0
"""For one answer: the measure of a slow machine is that it is slow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to measure.

    Attributes:
        base_url: the model's server without a path; None for the provider's usual one.
        embeddings: a server of `/v1/embeddings`; None for vectors from words, made here.
        messages: how many of the folder's messages.
        skip: how many of its first messages are left out before them.
        stock: calls of stock mem0 for each size of batch; 0 for none.
        facts: whether everybody allows facts and preferences about themselves.
        scripted: whether the model is one on loopback.
        answers: folder in which the model's answers are kept and looked for.
        memories: file to list the memories in.
        check_model: judges what the model proposes, where that is another one.
    """

    data: Path
    model: str
    base_url: str | None = None
    provider: str = "ollama"
    api_key: str = "unused"
    embeddings: str | None = None
    embedding_model: str = "text-embedding-3-small"
    dims: int = 1536
    messages: int = 100
    skip: int = 0
    stock: int = 0
    facts: bool = False
    scripted: bool = False
    answers: Path | None = None
    memories: Path | None = None
    check_model: str | None = None


def main() -> None:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with messages.jsonl and maybe questions.jsonl")
    parser.add_argument("--model", default=SCRIPTED, help="name at the endpoint")
    parser.add_argument("--check-model", help="name of the model that judges, where it is another one")
    parser.add_argument("--provider", default="ollama", choices=["ollama", "openai"])
    parser.add_argument("--base-url", help="the endpoint without a path; unset: Ollama here, or OpenAI")
    parser.add_argument("--api-key", default="unused", help="for OpenAI")
    parser.add_argument("--embeddings", help="an embedding service that speaks OpenAI's protocol; unset: made here")
    parser.add_argument("--embedding-model", default="text-embedding-3-small")
    parser.add_argument("--dims", type=int, default=1536, help="numbers in one of its vectors")
    parser.add_argument("--messages", type=int, default=100)
    parser.add_argument("--skip", type=int, default=0, help="leave out so many messages before")
    parser.add_argument("--stock", type=int, default=0, metavar="CALLS", help="of mem0 with each size of batch")
    parser.add_argument("--facts", action="store_true", help="everybody allows facts and preferences")
    parser.add_argument("--scripted", action="store_true", help="a model on loopback, for counting")
    parser.add_argument("--answers", type=Path, help="folder that keeps the model's answers for the next run")
    parser.add_argument("--memories", type=Path, help="list the memories with their lines here")
    options = Options(**vars(parser.parse_args()))
    json.dump(asyncio.run(measured(options)), sys.stdout, indent=1)
    print()


async def measured(options: Options) -> dict[str, object]:
    """Run this program, then stock mem0, and compare."""
    said = said_in(options)
    questions = answerable(questions_in(options.data), said)
    figures: dict[str, object] = {
        "messages": len(said),
        "questions that they answer": len(questions),
        "model": _model(options),
    }
    async with _meter(options) as meter:
        ours, made = await _ours(options, meter, said, questions)
        figures["here"] = ours
        if options.memories:
            _list(options.memories, made, said)
        for size in STOCK_BATCHES if options.stock else ():
            stock = await _stock(options, meter, said[: options.stock * size], size)
            stock["times the tokens here"] = round(stock["tokens a message"] / max(ours["tokens a message"], 0.1), 1)
            figures[f"stock mem0, batches of {size}"] = stock
    return figures


def _model(options: Options) -> str:
    return SCRIPTED if options.scripted else options.model


def said_in(options: Options) -> list[Said]:
    """The messages that are measured."""
    wanted = slice(options.skip, options.skip + options.messages)
    return [Said(one.message, one.author_name) for one in open_export(options.data / "messages.jsonl")][wanted]


def questions_in(data: Path) -> list[dict[str, Any]]:
    """The questions of a folder; none where it has no file of them."""
    path = data / "questions.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.strip()]


@asynccontextmanager
async def _meter(options: Options) -> AsyncIterator[Meter]:
    """The meter before the endpoint; both sides are asked through it."""
    at_openai = options.provider == "openai"
    usual = options.base_url or (OPENAI_ADDRESS if at_openai else OLLAMA_ADDRESS)
    openai = LoopbackOpenAI(answer=scripted_answer, chat_models=[SCRIPTED], dims=options.dims)
    ollama = LoopbackOllama(answer=scripted_answer, models=[f"{SCRIPTED}:latest"])
    async with openai, ollama:
        script = openai.url if at_openai else ollama.url
        upstream = script if options.scripted else usual
        async with Meter(upstream, options.embeddings or openai.url, options.answers) as meter:
            yield meter


def scripted_answer(request: dict[str, Any]) -> dict[str, Any]:
    """Some statements a call, in the form that whoever asks wants."""
    asked = request.get("response_format") or {"type": request.get("format")}
    if asked["type"] == "json_schema" or isinstance(asked["type"], dict):
        return scripted(request)
    return {"memory": [{"id": "0", "text": "User said something in the channel.", "attributed_to": "user"}]}


# --- this program ----------------------------------------------------------------------------------------------------


async def _ours(
    options: Options, meter: Meter, said: Sequence[Said], questions: Sequence[dict[str, Any]]
) -> tuple[dict[str, Any], list[Made]]:
    with tempfile.TemporaryDirectory() as folder:
        async with open_app(_settings(options, meter, Path(folder)), extract=True) as app:
            if app.flusher is None:
                raise SystemExit("; ".join(app.notes))
            if options.facts:
                for guild_id in {one.message.guild_id for one in said}:
                    await app.services.guilds.consents.rules.decide(guild_id, facts=FactsRule.EVERYBODY)
            export = [Exported(one.message, one.author_name, "", "") for one in said]
            summary = await Replay(app.log, app.ledger, app.prices, app.flusher).run(export, _progress)
            kept = await app.store.by_message([one.message.id for one in said])
            made = await _made(app, kept)
            figures = _of_ours(summary, await _states(app), made, meter.take(), len(said))
    return figures | quality(made, said, questions), made


def _settings(options: Options, meter: Meter, folder: Path) -> Settings:
    bot.llm.composition.MODEL_CALLS_A_SECOND = 1_000  # what is measured is the model, not how it is spared
    bot.llm.composition.MODEL_SECONDS = PATIENT_SECONDS
    bot.llm.ollama.ANSWER_SECONDS = PATIENT_SECONDS
    return load_settings(
        None,
        data_dir=folder,
        mem0_llm_provider=options.provider,
        ollama_base_url=meter.url,
        ollama_model=_model(options),
        openai_llm_model=_model(options),
        check_model=options.check_model,
        openai_base_url=f"{meter.url}/v1",
        openai_api_key=options.api_key,
        embedding_model=options.embedding_model,
        embedding_dims=options.dims,
    )


def _progress(stage: str, count: int) -> None:
    print(f"{stage}: {count}", file=sys.stderr)


async def _made(app: App, kept: Sequence[Memory]) -> list[Made]:
    people = {user for memory in kept for user in (*memory.author_ids, *references.people_in([memory.text]))}
    names = await app.directory.names(kept[0].guild_id, people) if kept else {}
    return [
        Made(
            references.with_names(memory.text, names),
            memory.channel_id,
            tuple(citation.message_id for citation in memory.citations),
            frozenset(memory.author_ids),
        )
        for memory in sorted(kept, key=lambda memory: memory.citations[0].message_id)
    ]


async def _states(app: App) -> Counter[str]:
    """How many messages ended how."""
    async with app.db.read() as connection:
        rows = await connection.execute(select(logged.c.state, func.count()).group_by(logged.c.state))
        return Counter({str(state): count for state, count in rows})


def _of_ours(
    summary: Summary, states: Counter[str], made: Sequence[Made], calls: Sequence[Measured], messages: int
) -> dict[str, Any]:
    return _cost(calls, messages) | {
        "memories": len(made),
        "refused": dict(sorted(summary.declined.items(), key=lambda one: -one[1])),
        "messages lost or waiting": states[MessageState.DEAD] + states[MessageState.PENDING],
    }


# --- stock mem0 ------------------------------------------------------------------------------------------------------


async def _stock(options: Options, meter: Meter, said: Sequence[Said], size: int) -> dict[str, Any]:
    endpoint = Endpoint(
        provider=options.provider,
        url=meter.url,
        api_key=options.api_key,
        model=_model(options),
        embedding_model=options.embedding_model,
        dims=options.dims,
    )
    with tempfile.TemporaryDirectory() as folder:
        outcome = await asyncio.to_thread(mem0_extracts, Path(folder), endpoint, said, size)
    names = {one.message.author_id: one.author_name for one in said}
    made = [Made(text, channel, (), named(text, names)) for text, channel in outcome.memories]
    return _cost(meter.take(), len(said)) | {
        "messages": len(said),
        "memories": len(made),
        "batches": outcome.batches,
        "batches lost": outcome.lost,
        "batches lost without an exception": outcome.lost - outcome.raised,
        "speakers right": _rounded(speakers_right(made, said)),
        "say what another says": round(duplicates(made), 3),
    }


# --- figures ---------------------------------------------------------------------------------------------------------


def quality(made: Sequence[Made], said: Sequence[Said], questions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the memories are good for, as far as it can be counted."""
    return {
        "questions whose evidence is cited": _rounded(evidence_cited(questions, made)),
        "questions whose answer is held": _rounded(answers_held(questions, made)),
        "speakers right": _rounded(speakers_right(made, said)),
        "say what another says": round(duplicates(made), 3),
    }


def _cost(calls: Sequence[Measured], messages: int) -> dict[str, Any]:
    seconds = [call.seconds for call in calls]
    return {
        "tokens a message": round(tokens_of(calls) / max(1, messages), 1),
        "calls": len(calls),
        "prompt tokens a call": round(statistics.fmean(c.prompt_tokens for c in calls)) if calls else 0,
        "seconds a call, median": round(statistics.median(seconds), 1) if seconds else 0.0,
        "seconds a call, 95 %": round(quantile(seconds, 0.95), 1),
    }


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 3)


def _list(path: Path, made: Sequence[Made], said: Sequence[Said]) -> None:
    """Every memory with the lines that it cites, one JSON object a line."""
    lines = {one.message.id: f"{one.author_name}: {one.message.content}" for one in said}
    listed = ({"text": memory.text, "cites": [lines.get(i, "") for i in memory.message_ids]} for memory in made)
    path.write_text("".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in listed), encoding="utf-8")


if __name__ == "__main__":
    main()
