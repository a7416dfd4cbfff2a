"""`python -m bot recall QUERY`: what the log and the memories hold on a question. Sees every channel."""

from __future__ import annotations

import asyncio
import json
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from bot.cli import answers
from bot.cli.start import DataDir, discord_id, load
from bot.domain import Hit, UserError, jump_url, references, snowflake
from bot.recall import Answer, AnswerState, RecallQuery
from bot.run import App, open_app
from bot.text import parse_since, parse_until, printable, window_in_words

MAX_LIMIT = 100

EMPTY_LOG = "The log is empty: replay a chat export, or let the bot observe a channel first"

SHOWN_LINES = 7
"""Lines of an excerpt that people are shown; --json has all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLineQuestion:
    """A question of the command line; without a guild it is asked in every guild.

    Attributes:
        as_of: only messages up to this snowflake exist for the asker.
        since: only what was said since then, as people write it.
        until: only what was said up to then.
    """

    id: str
    query: str
    guild_id: int | None = None
    channel_id: int | None = None
    as_of: int | None = None
    since: str | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """Hits in order of rank, the names of the people in them, and what recall had to do without.

    Attributes:
        told: what the model makes of the hits, where it was asked.
        guild_id: where that was said.
    """

    hits: list[Hit]
    names: dict[int, str]
    notes: list[str]
    told: Answer | None = None
    guild_id: int = 0


def recall(
    query: Annotated[str | None, typer.Argument(help="The question, in your own words.")] = None,
    guild: Annotated[int | None, typer.Option(parser=discord_id, help="Only this server (id).")] = None,
    channel: Annotated[int | None, typer.Option(parser=discord_id, help="Only this channel (id).")] = None,
    as_of: Annotated[
        int | None,
        typer.Option(parser=discord_id, metavar="MESSAGE_ID", help="Nothing newer than this message."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only what was said since then: 7d, last week, 31.01.2026.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only what was said up to then: yesterday, January.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=MAX_LIMIT, help="At most so many hits.")] = 10,
    queries: Annotated[
        Path | None, typer.Option(metavar="FILE.jsonl", help="Questions, one JSON object a line: id, query, …")
    ] = None,
    answer: Annotated[bool, typer.Option("--answer", help="Have the language model answer from the hits.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each question.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Search messages and memories; sees every channel, so it is for the operator alone."""
    if (query is None) == (queries is None):
        raise UserError("Give either a question or --queries FILE")
    if queries is not None:
        questions: Iterator[CommandLineQuestion] = _read(queries)
    else:
        asked = CommandLineQuestion(
            id="1", query=query or "", guild_id=guild, channel_id=channel, as_of=as_of, since=since, until=until
        )
        questions = iter([asked])
    settings = load(data_dir, quiet=True)

    async def ask() -> None:
        async with open_app(settings, extract=False, answer=answer) as app:
            notes = app.notes if await app.log.guild_ids() else [*app.notes, EMPTY_LOG]
            for note in notes:
                print(note, file=sys.stderr)
            for question in questions:
                recalled = await find(app, question, limit)
                if answer:
                    recalled = await _answered(app, question, recalled, limit)
                if as_json:
                    print(json.dumps(as_record(question, recalled), ensure_ascii=False), flush=True)
                else:
                    show(Console(), question, recalled)

    asyncio.run(ask())


async def find(app: App, question: CommandLineQuestion, limit: int) -> AnswerRecord:
    """Ask one question in one guild, or in all of them, the best hits first."""
    guild_ids = [question.guild_id] if question.guild_id is not None else await app.log.guild_ids()
    hits: list[Hit] = []
    notes: dict[str, None] = {}
    names: dict[int, str] = {}
    for guild_id in guild_ids:
        query = _query(app, question, guild_id, limit)
        result = await app.recall.search(query)
        hits += result.hits
        if question.since or question.until:
            until = query.until if question.until else None
            window = window_in_words(query.since, until, app.services.guilds.zones.of(guild_id))
            notes[f"Searched only what was said {window}."] = None
        notes |= dict.fromkeys(result.notes)
        names |= await app.directory.names(guild_id, sorted({i for hit in result.hits for i in people_in(hit)}))
    if len(guild_ids) > 1:
        hits.sort(key=lambda hit: -hit.score)
    return AnswerRecord(hits[:limit], names, list(notes))


def _query(app: App, question: CommandLineQuestion, guild_id: int, limit: int) -> RecallQuery:
    zone = app.services.guilds.zones.of(guild_id)
    asked_at = question.as_of or snowflake.from_ms(app.services.clock())
    now = snowflake.to_datetime(asked_at)
    last = parse_until(question.until, now, zone) if question.until else None
    return RecallQuery(
        guild_id=guild_id,
        text=question.query,
        channel_ids=None if question.channel_id is None else frozenset({question.channel_id}),
        since=parse_since(question.since, now, zone) if question.since else None,
        until=min(filter(None, (question.as_of, last)), default=None),
        asked_at=asked_at,
        limit=limit,
    )


async def _answered(app: App, question: CommandLineQuestion, recalled: AnswerRecord, limit: int) -> AnswerRecord:
    """The answer, and what it was made from; of several servers, from the one with the best hit."""
    if not recalled.hits:
        return replace(recalled, told=Answer(AnswerState.UNKNOWN))
    guild_id = recalled.hits[0].guild_id
    answered = await answers.answered(app, _query(app, question, guild_id, limit))
    hits, names, notes = list(answered.hits[:limit]), dict(answered.names), list(answered.notes)
    return AnswerRecord(hits, names, notes, answered.answer, guild_id)


def people_in(hit: Hit) -> set[int]:
    """Everybody whose name is needed to show a hit."""
    return {*hit.author_ids, *references.people_in([hit.text])}


def as_record(question: CommandLineQuestion, answer: AnswerRecord) -> dict[str, Any]:
    """The JSON object for one question."""
    record: dict[str, Any] = {
        "id": question.id,
        "hits": [_record(hit, answer.names) for hit in answer.hits],
    }
    if answer.told is not None:
        record["answer"] = answers.as_record(answer.told, answer.guild_id)
    return record | ({"notes": answer.notes} if answer.notes else {})


def _record(hit: Hit, names: Mapping[int, str]) -> dict[str, Any]:
    record: dict[str, Any] = {
        "kind": str(hit.kind),
        "text": references.with_names(hit.text, names),
        "score": round(hit.score, 6),
        "message_ids": [str(message_id) for message_id in hit.message_ids],
        "channel_id": str(hit.anchor_channel_id),
        "author_ids": [str(author_id) for author_id in hit.author_ids],
        "created_at": hit.created_at.isoformat(),
    }
    if hit.memory is not None:
        record["memory_kind"] = str(hit.memory.kind)
    if newer := _doubt_link(hit):
        record["may_have_changed_since"] = newer
    return record


def show(console: Console, question: CommandLineQuestion, answer: AnswerRecord) -> None:
    """Print the hits of one question for people."""
    console.print(Text(printable(f"? {question.query}"), style="bold"))
    for note in answer.notes:
        console.print(Text(f"  {note}", style="dim"))
    if answer.told is not None and answer.hits:
        answers.show(console, [printable(line) for line in answers.lines_of(answer.told, answer.guild_id)])
    if not answer.hits:
        console.print(Text("  Nothing found. Try other words, or fewer of them.", style="dim"))
    for rank, hit in enumerate(answer.hits, start=1):
        speakers = ", ".join(references.name_of(i, answer.names) for i in hit.author_ids)
        kind = "messages" if hit.memory is None else f"memory, {hit.memory.kind}"
        link = jump_url(hit.guild_id, hit.anchor_channel_id, hit.anchor)
        head = f"{rank}. {kind} · {speakers} · {hit.created_at:%Y-%m-%d %H:%M} · {link}"
        console.print(Text(printable(head), style="cyan"), soft_wrap=True)
        console.print(Text(textwrap.indent(printable(_shown(hit, answer.names)), "   ")), soft_wrap=True)
        if newer := _doubt_link(hit):
            console.print(Text(f"   may have changed since: {newer}"), soft_wrap=True)


def _shown(hit: Hit, names: Mapping[int, str]) -> str:
    """The memory, or the excerpt's lines nearest to the one that matched best."""
    if not hit.lines:
        return references.with_names(hit.text, names)
    lines = hit.around_anchor(SHOWN_LINES)
    spoken = [f"{references.name_of(line.author_id, names)}: {line.content}" for line in lines]
    return references.with_names("\n".join(spoken), names)


def _doubt_link(hit: Hit) -> str | None:
    """Where the message is by which a memory may have changed."""
    doubt = None if hit.memory is None else hit.memory.doubt
    return None if doubt is None else jump_url(hit.guild_id, doubt.channel_id, doubt.message_id)


def _read(file: Path) -> Iterator[CommandLineQuestion]:
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError):
        raise UserError(f"{file} can't be read; name a file of questions in JSON Lines") from None
    return iter([_question(file, number, line) for number, line in enumerate(lines, start=1) if line.strip()])


def _question(file: Path, number: int, line: str) -> CommandLineQuestion:
    try:
        record = json.loads(line)
        given = {name: record.get(name) for name in ("guild_id", "channel_id", "as_of")}
        ids = {name: snowflake.parse(str(value)) for name, value in given.items() if value is not None}
        return CommandLineQuestion(
            id=str(record["id"]),
            query=str(record["query"]),
            guild_id=ids.get("guild_id"),
            channel_id=ids.get("channel_id"),
            as_of=ids.get("as_of"),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise UserError(
            f"{file}:{number}: write a JSON object with id and query, and guild_id, channel_id and as_of as snowflakes"
        ) from None
