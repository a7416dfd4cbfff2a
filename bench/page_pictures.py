"""Takes the pictures of the operator's page: `python -m bench.page_pictures`; needs Chromium.

The page shows what `make demo` leaves behind, with the statements of a careful reader (`bench.sample_statements`) in
place of a model's. Only the days on which the messages came in are made up: as if the bot had heard them as they were
said, up to now.
"""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
import sys
import tempfile
from contextlib import closing
from functools import partial
from importlib.resources import files
from pathlib import Path

from PIL import Image
from yarl import URL

from bench.hand_written import HandWritten
from bench.sample_statements import STATEMENTS
from bot.domain import system_clock
from bot.llm.loading import load_settings
from bot.storage import DATABASE_FILE
from bot.web import open_page_services, serving_page
from tests.fixtures.browser import Tab, open_browser
from tests.fixtures.process import set_stage

IMAGES = Path(__file__).parents[1] / "docs/images"
DESKTOP, PHONE = {"width": 1280, "height": 860}, {"width": 380, "height": 720}
COLOURS = 64
GUILD = "100000000000000001"


def sample() -> list[dict[str, str]]:
    """The messages of the sample chat."""
    return [json.loads(line) for line in files("bot.cli.sample").joinpath("chat.jsonl").read_text().splitlines()]


async def demonstrate(folder: Path) -> Path:
    """Run the demo with a careful reader; the folder of its data."""
    lines = sample()
    async with set_stage(folder) as stage:
        stage.ollama.answer = HandWritten([(line["author_name"], line["content"]) for line in lines], STATEMENTS)
        command = (sys.executable, "-m", "bot", "demo", "--data-dir", "demo")
        process = await asyncio.create_subprocess_exec(*command, cwd=folder, env=stage.bot.environment)
        if await process.wait():
            raise SystemExit("the demo failed")
    return folder / "demo"


def spread_out(data: Path) -> None:
    """Let everything have come in when it was said, the newest now, in a server and channels that have names."""
    places = {line["channel_id"]: line["channel_name"] for line in sample()}
    with closing(sqlite3.connect(data / DATABASE_FILE)) as database, database:
        ((newest,),) = database.execute("SELECT max(id >> 22) FROM messages")  # milliseconds, of snowflakes
        ago = system_clock() - newest
        database.execute("UPDATE messages SET logged_ms = ? + (id >> 22)", [ago])
        database.execute("UPDATE memories SET created_ms = ? + (said_id >> 22)", [ago])
        named = [(name, channel_id) for channel_id, name in places.items()]
        database.executemany("UPDATE channels SET name = ?, observed = TRUE WHERE channel_id = ?", named)
        database.execute("INSERT INTO guilds (guild_id, name, joined_ms) VALUES (?, 'Makerspace', 0)", [GUILD])


async def take(tab: Tab, name: str, *, whole: bool = False) -> None:
    """Save what the browser shows as a small PNG."""
    picture = Image.open(io.BytesIO(await tab.page.screenshot(full_page=whole)))
    picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(IMAGES / f"{name}.png", optimize=True)


async def pictures(data: Path) -> None:
    """Take them all."""
    settings = load_settings(None, data_dir=data, mem0_enabled=False)
    async with serving_page(partial(open_page_services, settings), 0) as link:
        origin = URL(link).origin()
        async with open_browser(viewport=DESKTOP) as tab:
            await tab.page.goto(link)
            await tab.page.goto(str(origin / "servers" / GUILD))
            await take(tab, "page-server")
            await tab.page.goto(str(origin / "memories"))
            await take(tab, "page-memories")
        async with open_browser(viewport=PHONE, color_scheme="dark") as tab:
            await tab.page.goto(link)
            await tab.page.goto(str((origin / "memories").with_query(words="open day")))
            await tab.page.get_by_role("link", name="The open day is", exact=False).first.click()
            await take(tab, "page-phone-memory", whole=True)


def main() -> None:
    """Run the demo, and take the pictures of it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        data = asyncio.run(demonstrate(Path(folder)))
        spread_out(data)
        asyncio.run(pictures(data))


if __name__ == "__main__":
    main()
