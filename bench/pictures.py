"""Draws the pictures of the README: `python -m bench.pictures`.

`python -m bench.pictures --into FOLDER --locale de` draws every view instead, on a phone and on a desk, in a language.

docs/images/recall.svg is what `recall` prints on the sample chat. The views are what the real process sent to a
loopback Discord in which the sample chat was said, with the statements of a careful reader (`bench.sample_statements`),
drawn as Discord shows it on a phone; only the chart of /memory status stands for thirty days of an invented server,
whose costs are those of the ledger's prices.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import tempfile
from argparse import ArgumentParser
from datetime import UTC, datetime
from importlib.resources import as_file, files
from io import StringIO
from pathlib import Path

from rich.console import Console

from bench.discord_svg import PHONE, picture
from bench.discord_svg import WIDTH as DESKTOP
from bench.hand_written import HandWritten
from bench.sample_statements import STATEMENTS
from bot.cli.recall import CommandLineQuestion, find, show
from bot.llm.loading import load_settings
from bot.llm.providers import PROVIDERS
from bot.llm.savings import estimate
from bot.observe.exports import open_export
from bot.operate.chart import Bar, draw
from bot.run.app import open_app
from bot.run.replay import Replay
from tests.acceptance.stores import END_STATES, logged, states
from tests.fixtures.process import set_stage
from tests.loopback.discord import eventually

IMAGES = Path(__file__).parents[1] / "docs/images"
WIDTH = 100
DAYS = 30
ASKS = "Ines"
ASKED_AT = datetime(2026, 6, 2, 18, tzinfo=UTC)
"""The last days of the sample chat: its days are told as they are seen from there."""
EVERY_VIEW: dict[str, tuple[str, dict[str, object]]] = {
    "recall": ("recall", {"query": "Where were the flyers printed, and what did they cost?"}),
    "nothing": ("recall", {"query": "zebra", "since": "7d"}),
    "memories": ("memories", {}),
    "catchup": ("catchup", {"since": "1d", "everywhere": True}),
    "upcoming": ("upcoming", {}),
    "browse": ("browse", {"kind": "decision"}),
    "channels": ("channels", {}),
    "help": ("help", {}),
    "privacy": ("privacy status", {}),
    "policy": ("privacy policy", {}),
    "opt-out": ("privacy opt-out", {}),
    "setup": ("setup", {}),
    "observed": ("observe list", {}),
    "settings": ("memory settings", {}),
    "audit": ("memory audit", {}),
    "status": ("memory status", {}),
}
"""What draws each view, for who looks at all of them."""
QUERY = "Which laser settings work for 4 mm birch plywood?"


async def recall_picture(folder: Path) -> str:
    """An SVG of a recall on the sample chat, by words alone."""
    settings = load_settings(None, data_dir=folder, mem0_enabled=False)
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True)
    async with open_app(settings, extract=False) as app:
        with as_file(files("bot.cli.sample") / "chat.jsonl") as sample:
            await Replay(app.log, app.ledger, app.prices, app.flusher).run(
                open_export(sample), lambda stage, count: None
            )
        show(
            console,
            CommandLineQuestion(id="1", query=QUERY),
            await find(app, CommandLineQuestion(id="1", query=QUERY), limit=2),
        )
    svg = console.export_svg(title="python -m bot recall")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # nothing is fetched to look at it


def status_picture() -> bytes:
    """A PNG of thirty days."""
    chance = random.Random(7)
    bars = []
    for number in range(1, DAYS + 1):
        messages = round(chance.gauss(420, 90) * (0.6 if number % 7 in {5, 6} else 1.0))
        day = estimate(
            messages,
            prices=PROVIDERS.prices(load_settings(None)),
            llm=("ollama", "llama3.1:8b"),
            embedder=("openai", "text-embedding-3-small"),
        )
        bars.append(Bar(f"11-{number:02}", messages, round(messages / chance.uniform(7, 11)), day.spent, day.one_call))
    return draw(bars)


async def views(folder: Path, locale: str = "", width: int = PHONE) -> dict[str, str]:
    """The views as the bot sent them, by name: those of the README, or with a locale every one in that language."""
    lines = [json.loads(line) for line in files("bot.cli.sample").joinpath("chat.jsonl").read_text().splitlines()]
    async with set_stage(folder) as stage:
        stage.ollama.answer = HandWritten([(line["author_name"], line["content"]) for line in lines], STATEMENTS)
        stage.discord.world.put_back(datetime.now(UTC) - ASKED_AT)
        guild = stage.discord.world.guild("Makerspace")
        admins = guild.role("Admins", "manage_guild")
        names = dict.fromkeys(line["author_name"] for line in lines)
        people = {name: guild.member(name, *([admins] if name == ASKS else [])) for name in names}
        channels = {name: guild.text(name) for name in dict.fromkeys(line["channel_name"] for line in lines)}
        stage.observe(*channels.values())
        await stage.bot.start(FLUSH_INTERVAL_SECONDS="1")
        await stage.bot.noticed(*channels.values())
        stage.discord.world.locale = locale or stage.discord.world.locale
        for line in lines:
            channels[line["channel_name"]].say(people[line["author_name"]], line["content"])
        await eventually(lambda: sum(logged(stage.bot.database, *channels.values()).values()) == len(lines), within=30)
        place = channels[lines[0]["channel_name"]]

        def named(mention: str) -> str:
            number = int(mention[1:])
            known = {c.id: f"#{c.name}" for c in channels.values()} | {p.id: f"@{p.name}" for p in people.values()}
            return known.get(number, mention)

        async def drawn(command: str, width: int = width, **options: object) -> str:
            answer = await stage.discord.command(people[ASKS], place, command, **options).answer(within=60)
            images = {"chart.png": status_picture()}
            return picture(answer.fields["components"], images=images, named=named, width=width)

        await eventually(lambda: states(stage.bot.database).keys() <= END_STATES, within=60)
        if locale:
            return {name: await drawn(command, width, **options) for name, (command, options) in EVERY_VIEW.items()}
        return {
            "view-recall": await drawn("recall", query="Where were the flyers printed, and what did they cost?"),
            "view-memories": await drawn("memories"),
            "view-catchup": await drawn("catchup", since="1d", everywhere=True),
            "view-upcoming": await drawn("upcoming"),
            "view-browse": await drawn("browse", kind="decision"),
            "view-status": await drawn("memory status", DESKTOP),
        }


def draw_all(into: Path, locale: str) -> None:
    """Every view in a language, on a phone and on a desk."""
    into.mkdir(parents=True, exist_ok=True)
    for width in (PHONE, DESKTOP):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            for name, svg in asyncio.run(views(Path(folder), locale, width)).items():
                (into / f"{name}-{locale}-{width}.svg").write_text(svg, encoding="utf-8")


def main() -> None:
    """Draw them all."""
    parser = ArgumentParser(description="Draws the views of the bot.")
    parser.add_argument("--into", type=Path, help="a folder for every view, instead of those of the README")
    parser.add_argument("--locale", default="en-US", help="the language of members and server, as Discord writes it")
    chosen = parser.parse_args()
    if chosen.into is not None:
        draw_all(chosen.into, chosen.locale)
        return
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # the process is killed as it writes
        for name, svg in asyncio.run(views(Path(folder))).items():
            (IMAGES / f"{name}.svg").write_text(svg, encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        (IMAGES / "recall.svg").write_text(asyncio.run(recall_picture(Path(folder))), encoding="utf-8")


if __name__ == "__main__":
    main()
