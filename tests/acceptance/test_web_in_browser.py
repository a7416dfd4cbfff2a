"""The operator's page in a real browser, served by the real process beside a program that has the database open."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from yarl import URL

from bot.domain import Memory, MemoryKind
from bot.memories import Asker
from bot.remember.statement import Judgement, Relation, Statement
from tests.fixtures.browser import FOREIGN, Tab, open_browser
from tests.fixtures.commandline import CommandLine
from tests.fixtures.memory import Pipeline
from tests.fixtures.operations import free_port
from tests.fixtures.storage import AUTHOR, CHANNEL, GUILD

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

START_SECONDS = 60
LONG = "Werkstattgemeinschaft" * 12
PHONE = {"width": 380, "height": 720}


@dataclass(frozen=True, slots=True)
class Kept:
    """What is remembered in these tests."""

    before: Memory
    now: Memory
    other: Memory


@pytest.fixture
async def kept(pipeline: Pipeline) -> Kept:
    """A date that was moved, and something else; names are as long as names can be."""
    await pipeline.guilds.guilds.joined(GUILD, "Makerspace")
    await pipeline.guilds.observations.switch_on(
        guild_id=GUILD, channel_id=CHANNEL, parent_id=None, name="open-day", by=None, from_id=1
    )
    await pipeline.directory.remember_names(GUILD, {AUTHOR: "Ines"})
    before = await pipeline.keep("The open day is on 14 June", (await pipeline.say("open day: 14 June")).id)
    moved = Statement(MemoryKind.DECISION, "The open day is on 21 June", ((await pipeline.say("now 21 June")).id,))
    await pipeline.settle((moved, Judgement(True, True, False, Relation.REPLACES, (before.id,))))
    (now,) = [memory for memory in await pipeline.memories() if memory.id != before.id]
    other = await pipeline.keep("<b>Kiln</b> shelves are in the cellar", (await pipeline.say("shelves: cellar")).id)
    await pipeline.say("still waits")
    return Kept(before, now, other)


@asynccontextmanager
async def served(command_line: CommandLine, data_dir: Path) -> AsyncIterator[str]:
    """`python -m bot web`, for the time of the block; gives the link that it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command_line.entry,
        *("web", "--data-dir", str(data_dir), "--port", str(free_port())),
        cwd=command_line.folder,
        env=command_line.environment,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            while not (line := (await process.stdout.readline()).decode().strip()).startswith("http"):
                assert process.returncode is None
        yield line
    finally:
        process.terminate()
        assert await process.wait() == 0


@pytest.fixture
async def link(command_line: CommandLine, data_dir: Path, kept: Kept) -> AsyncIterator[str]:
    """The link of a page that is served."""
    async with served(command_line, data_dir) as link:
        yield link


async def test_an_operator_finds_corrects_and_forgets_a_memory(link: str, pipeline: Pipeline, kept: Kept) -> None:
    async with open_browser() as tab:
        page, origin = tab.page, str(URL(link).origin())
        assert await tab.status(link) == 200
        assert page.url == f"{origin}/"
        await page.get_by_role("link", name="Makerspace").click()
        await page.get_by_role("link", name="#open-day").click()
        assert "Messages kept" in await tab.text()

        await page.get_by_role("link", name="Memories", exact=True).click()
        await page.get_by_label("Words").fill("open day")
        await page.get_by_role("button", name="Search").click()
        assert "1 memory with all of these words." in await tab.text()
        await page.get_by_role("link", name="The open day is on 21 June").click()
        text = await tab.text()
        assert "now 21 June" in text
        assert "Before that: The open day is on 14 June" in text
        to_discord = await page.get_by_role("link", name="Open in Discord").first.get_attribute("href")
        assert to_discord == f"https://discord.com/channels/{GUILD}/{CHANNEL}/{kept.now.newest.message_id}"

        await page.get_by_role("link", name="Correct").click()
        await page.get_by_label("What it says from now on").fill("The open day is on 28 June")
        await page.get_by_role("button", name="Correct it").click()
        assert "Corrected; the new text holds from now on." in await tab.text()
        assert page.url.startswith(f"{origin}/memories/{kept.now.id}")

        await page.goto(f"{origin}/memories/{kept.other.id}")
        assert "<b>Kiln</b> shelves" in await tab.text()
        await page.get_by_role("link", name="Forget").click()
        await page.get_by_role("link", name="Keep it").click()
        await page.get_by_role("link", name="Forget").click()
        await page.get_by_role("button", name="Forget it").click()
        assert "Forgotten; nothing of that memory is kept." in await tab.text()
        for name in ("Queue", "Refusals", "Receipts", "Servers"):
            await page.get_by_role("link", name=name, exact=True).click()
            assert await page.locator("[aria-current=page]").inner_text() == name

        assert await pipeline.texts() == ["The open day is on 14 June", "The open day is on 28 June"]
        assert tab.complaints == []
        assert {URL(asked).origin() for asked in tab.asked} == {URL(origin)}
        assert not [cookie for cookie in await page.context.cookies() if not cookie.get("httpOnly")]


async def test_strangers_stale_links_and_other_pages_are_refused(
    link: str, command_line: CommandLine, data_dir: Path, pipeline: Pipeline, kept: Kept
) -> None:
    origin = str(URL(link).origin())
    forget = f"/memories/{kept.other.id}/forget"
    async with open_browser() as tab:
        assert await tab.status(f"{origin}/memories") == 403
        assert "by the link that the program gave" in await tab.text()
        assert await tab.status(f"{origin}/open?token=guessed") == 403
        await tab.page.goto(link)
        assert await tab.status(link.replace("127.0.0.1", FOREIGN)) == 403

        await tab.page.goto(f"{origin}{forget}")
        token = await tab.page.locator("[name=form_token]").get_attribute("value")
        async with other_page(f"{origin}{forget}", str(token)) as elsewhere:
            await tab.page.goto(elsewhere)
            async with tab.page.expect_navigation():
                await tab.page.get_by_role("button").click()
            assert "not sent by the page itself" in await tab.text()
            assert await tab.page.evaluate(f"fetch('{origin}/').then(() => 'read', () => 'kept out')") == "kept out"
        assert kept.other.id in {memory.id for memory in await pipeline.memories()}

        async with served(command_line, data_dir) as later:  # another start, on another port
            stale = str(URL(link).with_port(URL(later).port))
            assert await tab.status(stale) == 403
            assert await tab.status(str(URL(later).origin())) == 403
            assert await tab.status(later) == 200
        assert await tab.status(f"{origin}/") == 200


@asynccontextmanager
async def other_page(target: str, token: str) -> AsyncIterator[str]:
    """A page of another program on this machine, which even knows a form's token; gives its address."""
    form = f'<form method="post" action="{target}"><input name="form_token" value="{token}"><button>Win</button></form>'

    async def show(_: web.Request) -> web.Response:
        return web.Response(text=form, content_type="text/html")

    application = web.Application()
    application.add_routes([web.get("/", show)])
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def test_the_keyboard_alone_is_enough(link: str, pipeline: Pipeline, kept: Kept) -> None:
    async with open_browser() as tab:
        await tab.page.goto(link)
        await tab.tab_to("Skip to the content")
        await tab.page.keyboard.press("Enter")
        await tab.tab_to("Makerspace")
        await tab.enter()
        await tab.tab_to("The figures")
        await tab.page.keyboard.press("Enter")
        assert "By day, newest first" in await tab.text()
        await tab.page.keyboard.press("Shift+Tab")
        await tab.page.reload()
        await tab.tab_to("Memories")
        await tab.enter()
        await tab.tab_to("Words")
        await tab.page.keyboard.type("shelf")
        await tab.enter()
        await tab.tab_to("<b>Kiln</b> shelves are in the cellar")
        await tab.enter()
        await tab.tab_to("Correct")
        await tab.enter()
        await tab.tab_to("What it says from now on")
        await tab.page.keyboard.press("Control+A")
        await tab.page.keyboard.type("Kiln shelves are in the attic")
        await tab.tab_to("Correct it")
        await tab.enter()
        await tab.tab_to("Forget")
        await tab.enter()
        await tab.tab_to("Forget it")
        await tab.enter()
        assert "Forgotten" in await tab.text()
        assert kept.other.id not in {memory.id for memory in await pipeline.memories()}


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_fits_a_phone_whatever_names_and_texts_are_like(
    link: str, pipeline: Pipeline, kept: Kept, scheme: str
) -> None:
    await pipeline.guilds.guilds.joined(GUILD, LONG)
    await pipeline.directory.remember_names(GUILD, {AUTHOR: LONG})
    await pipeline.own.correct(
        kept.other.id, Asker(AUTHOR, GUILD, readable=frozenset({CHANNEL})), f"see https://example.org/{LONG}"
    )
    async with open_browser(viewport=PHONE, color_scheme=scheme) as tab:
        await tab.page.goto(link)
        memory = f"/memories/{kept.other.id}"
        for path in ("/", f"/servers/{GUILD}", f"/channels/{CHANNEL}", "/queue", "/refusals", "/receipts", "/memories"):
            await _fits(tab, path)
        for path in (memory, f"{memory}/correct", f"{memory}/forget"):
            await _fits(tab, path)
        ground = await tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(27, 28, 31)"}[scheme]
        assert tab.complaints == []


async def _fits(tab: Tab, path: str) -> None:
    await tab.page.goto(str(URL(tab.page.url).join(URL(path))))
    assert await tab.page.locator("h1").is_visible()
    assert await tab.width() <= PHONE["width"], path
