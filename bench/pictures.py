"""Draws the pictures of the README: `python -m bench.pictures`.

docs/images/recall.svg is what `recall` prints on the sample chat. The views are what the real process sent to a
loopback Discord in which the sample chat was said, drawn as Discord shows it; only the chart of /memory status stands
for thirty days of an invented server, whose costs are those of the ledger's prices.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import tempfile
from importlib.resources import as_file, files
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.discord_svg import picture
from bot.cli.recall import AskedQuestion, find, show
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
ASKS = "Mara"
LINE = re.compile(r"^(\d+) @[A-Z]{1,2}(?: to @[A-Z]{1,2})?: (.{20,240})$", re.MULTILINE)
LEAD = re.compile(r"^(?:then we move it|decided then): ")
SETTLED = re.compile(r"\b(?:decided|we meet|we move|is now)\b")
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
        show(console, AskedQuestion(id="1", query=QUERY), await find(app, AskedQuestion(id="1", query=QUERY), limit=2))
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


async def views(folder: Path) -> dict[str, str]:
    """The views as the bot sent them, by name."""
    lines = [json.loads(line) for line in files("bot.cli.sample").joinpath("chat.jsonl").read_text().splitlines()]
    async with set_stage(folder) as stage:
        stage.ollama.answer = _settled
        guild = stage.discord.world.guild("Makerspace")
        admins = guild.role("Admins", "manage_guild")
        names = dict.fromkeys(line["author_name"] for line in lines)
        people = {name: guild.member(name, *([admins] if name == ASKS else [])) for name in names}
        channels = {name: guild.text(name) for name in dict.fromkeys(line["channel_name"] for line in lines)}
        stage.observe(*channels.values())
        await stage.bot.start(FLUSH_INTERVAL_SECONDS="1")
        await stage.bot.noticed(*channels.values())
        for line in lines:
            channels[line["channel_name"]].say(people[line["author_name"]], line["content"])
        await eventually(lambda: sum(logged(stage.bot.database, *channels.values()).values()) == len(lines), within=30)
        place = channels[lines[0]["channel_name"]]

        def named(mention: str) -> str:
            number = int(mention[1:])
            known = {c.id: f"#{c.name}" for c in channels.values()} | {p.id: f"@{p.name}" for p in people.values()}
            return known.get(number, mention)

        async def drawn(command: str, **options: object) -> str:
            answer = await stage.discord.command(people[ASKS], place, command, **options).answer(within=60)
            return picture(answer.fields["components"], images={"chart.png": status_picture()}, named=named)

        await eventually(lambda: states(stage.bot.database).keys() <= END_STATES, within=60)
        return {
            "view-recall": await drawn("recall", query="When is the open day?"),
            "view-memories": await drawn("memories"),
            "view-catchup": await drawn("catchup", since="1d"),
            "view-status": await drawn("memory status"),
        }


def _settled(request: dict[str, Any]) -> dict[str, Any]:
    """A model that keeps what was decided, without the turn of the conversation in front of it."""
    found = LINE.findall(request["messages"][-1]["content"].rsplit("Lines:", 1)[-1])
    settled = [(int(number), LEAD.sub("", text)) for number, text in found if SETTLED.search(text)]
    kept = [{"lines": [number], "kind": "decision", "text": text} for number, text in settled]
    return {"memories": kept[: request["format"]["properties"]["memories"]["maxItems"]]}


def main() -> None:
    """Draw them all."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # the process is killed as it writes
        for name, svg in asyncio.run(views(Path(folder))).items():
            (IMAGES / f"{name}.svg").write_text(svg, encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        (IMAGES / "recall.svg").write_text(asyncio.run(recall_picture(Path(folder))), encoding="utf-8")


if __name__ == "__main__":
    main()
