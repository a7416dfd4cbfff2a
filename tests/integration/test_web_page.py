"""The operator's page: who may open it, what it shows, and what it changes."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest
from yarl import URL

from bot.domain import MemoryKind
from bot.memories import Asker
from bot.observe.messagelog import Said
from bot.remember.statement import Judgement, Relation, Statement
from bot.web.pages import PAGES
from bot.web.pages.memories import PER_PAGE
from tests.fixtures.memory import Pipeline, bytes_in
from tests.fixtures.storage import AUTHOR, CHANNEL, GUILD, FakeClock
from tests.fixtures.web import Visitor, Visits

NAMED = AUTHOR + 7
READABLE = 4.5
"""Contrast of writing (WCAG 2.2, AA)."""

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&amp;<b>‮txt"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"


async def test_the_link_becomes_a_cookie_that_scripts_and_other_sites_do_not_get(visits: Visits) -> None:
    async with visits() as visitor:
        answer = await visitor.get(visitor.link, follow=False)
        token = URL(visitor.link).query["token"]
        assert (answer.status, answer.headers["Location"]) == (303, "/")
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert token not in cookie
        page = await visitor.get("/")
        assert page.status == 200
        assert token not in page.text


@pytest.mark.parametrize(
    "link", ["/", "/memories", "/open", "/open?token=", "/open?token=x", "/open?token=%FF%ED%A0%80"]
)
@pytest.mark.matrix
async def test_without_the_token_nothing_is_shown(visits: Visits, link: str) -> None:
    async with visits() as visitor:
        answer = await visitor.get(link)
        assert answer.status == 403
        assert "by the link that the program gave" in answer.shown
        assert "<nav" not in answer.text


async def test_link_and_cookie_of_an_earlier_start_are_refused(visits: Visits) -> None:
    async with visits() as earlier:
        await earlier.open()
        (cookie,) = earlier.session.cookie_jar
    async with visits() as visitor:
        stale = str(URL(earlier.link).with_port(URL(visitor.origin).port))
        assert (await visitor.get(stale)).status == 403
        name = f"channel_memory_{URL(visitor.origin).port}"
        assert (await visitor.get("/", Cookie=f"{name}={cookie.value}")).status == 403


async def test_a_form_of_an_earlier_start_is_refused(visits: Visits, pipeline: Pipeline) -> None:
    memory = await pipeline.keep("The kiln is free", (await pipeline.say("free")).id)
    path = f"/memories/{memory.id}/forget"
    async with visits() as earlier:
        token = re.findall(r'form_token" value="([^"]+)', (await (await earlier.open()).get(path)).text)[0]
    async with visits() as visitor:
        await visitor.open()
        assert (await visitor.post(path, {"form_token": token})).status == 403
        assert (await visitor.post(path, {})).status == 403
    assert await pipeline.memories()


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1", ""])
@pytest.mark.matrix
async def test_what_another_page_sends_changes_nothing(visitor: Visitor, pipeline: Pipeline, origin: str) -> None:
    memory = await pipeline.keep("The kiln is free", (await pipeline.say("free")).id)
    path = f"/memories/{memory.id}/forget"
    token = re.findall(r'form_token" value="([^"]+)', (await visitor.get(path)).text)[0]
    assert (await visitor.post(path, {"form_token": token}, Origin=origin)).status == 403
    assert await pipeline.memories()


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:9465", "127.0.0.1.evil.example", "localhost.", "[::1]", ""]
)
@pytest.mark.matrix
async def test_a_foreign_name_that_leads_here_is_refused(visitor: Visitor, host: str) -> None:
    for path in ("/", visitor.link, "/style.css"):
        assert (await visitor.get(path, Host=host)).status in {400, 403}


async def test_every_answer_lets_the_browser_load_nothing_from_elsewhere(visitor: Visitor, pipeline: Pipeline) -> None:
    memory = await pipeline.keep("The kiln is free", (await pipeline.say("free")).id)
    pages = [path.replace("{id:[0-9a-f-]{36}}", memory.id) for path in PAGES]
    pages = [re.sub(r"\{id:.*\}", str(CHANNEL if "channels" in path else GUILD), path) for path in pages]
    for path in [*pages, "/style.css", "/open?token=x", "/nothing", visitor.link]:
        answer = await visitor.get(path, follow=False)
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'self';"), path
        assert "frame-ancestors 'none'" in policy
        assert "script" not in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert not re.findall(r"<script| style=| on\w+=|(?:src|action)=\"(?!/)|<link[^>]*http", answer.text), path
    assert {(await visitor.get(path)).status for path in pages} == {200}


async def test_what_members_wrote_is_text_on_every_page(visitor: Visitor, pipeline: Pipeline) -> None:
    await pipeline.guilds.guilds.joined(GUILD, MARKUP)
    await pipeline.guilds.observations.switch_on(
        guild_id=GUILD, channel_id=CHANNEL, parent_id=None, name=MARKUP, by=None, from_id=1
    )
    said = await pipeline.say(MARKUP)
    await pipeline.log.append([Said(said, MARKUP)])
    await pipeline.directory.remember_names(GUILD, {AUTHOR: MARKUP})
    memory = await pipeline.keep(f"<@{AUTHOR}> {MARKUP}", said.id)
    await pipeline.say("waits")
    seen = 0
    for path in (
        "/",
        f"/servers/{GUILD}",
        f"/channels/{CHANNEL}",
        "/queue",
        f"/memories?words={MARKUP}",
        f"/memories?server={GUILD}&channel={CHANNEL}",
        f"/memories/{memory.id}",
        f"/memories/{memory.id}/correct",
        f"/memories/{memory.id}/forget",
    ):
        text = (await visitor.get(path)).text
        assert "<script" not in text, path
        assert "<img" not in text, path
        assert "<b>" not in text, path
        assert "‮" not in text, path
        seen += ESCAPED in text
    assert seen == 9


async def test_memories_come_in_pages_and_by_kind_and_words(visitor: Visitor, pipeline: Pipeline) -> None:
    said = await pipeline.say_many([f"thing {number}" for number in range(PER_PAGE + 2)])
    statements = [Statement(MemoryKind.DECISION, f"The kiln has shelf {m.content[6:]}", (m.id,)) for m in said]
    statements[3] = Statement(MemoryKind.TOPIC, "Firing the kiln at night", (said[3].id,))
    await pipeline.settle(*((statement, Judgement(True, True, False)) for statement in statements))

    first = await visitor.get("/memories")
    assert f"{PER_PAGE + 2} memories." in first.shown
    assert "Page 1 of 2" in first.shown
    assert len(re.findall(r"shelf|at night", first.shown)) == PER_PAGE
    (older,) = [link for link in first.links if "page=2" in link]
    second = await visitor.get(older)
    assert len(re.findall(r"shelf|at night", second.shown)) == 2
    assert "Newer" in second.shown
    assert "Older" not in second.shown
    assert (await visitor.get("/memories?page=999999999999")).shown == second.shown

    topics = await visitor.get("/memories?kind=topic")
    assert "1 memory." in topics.shown
    assert "Firing the kiln at night" in topics.shown
    by_words = await visitor.get("/memories?words=night+kilns")
    assert "1 memory with all of these words." in by_words.shown
    assert "Nothing here is like that" in (await visitor.get("/memories?words=sailing")).shown
    nothing = await visitor.get("/memories?server=-1&kind=nonsense&channel=x&page=0")
    assert "Page 1 of 2" in nothing.shown


@pytest.mark.both_databases
async def test_a_memory_shows_its_messages_its_history_and_the_way_to_discord(
    visitor: Visitor, pipeline: Pipeline
) -> None:
    await pipeline.guilds.guilds.joined(GUILD, "Makerspace")
    first = await pipeline.say("The open day is on 14 June")
    before = await pipeline.keep("The open day is on 14 June", first.id)
    second = await pipeline.say("Moved to 21 June")
    moved = Statement(MemoryKind.DECISION, "The open day is on 21 June", (second.id,))
    await pipeline.settle((moved, Judgement(True, True, False, Relation.REPLACES, (before.id,))))
    (now,) = [memory for memory in await pipeline.memories() if memory.text.endswith("21 June")]

    listed = await visitor.get(f"/memories?server={GUILD}")
    assert "1 memory." in listed.shown
    assert f"https://discord.com/channels/{GUILD}/{CHANNEL}/{second.id}" in listed.links
    page = await visitor.get(f"/memories/{now.id}")
    assert "Moved to 21 June" in page.shown
    assert "Before that: The open day is on 14 June" in page.shown
    assert f"/memories/{before.id}" in page.links
    older = await visitor.get(f"/memories/{before.id}")
    assert "Replaced by: The open day is on 21 June" in older.shown
    assert f"https://discord.com/channels/{GUILD}/{CHANNEL}/{first.id}" in older.links

    corrected = await visitor.submit(f"/memories/{now.id}/correct", text="The open day is on 22 June")
    assert "Corrected; the new text holds from now on." in corrected.shown
    assert "The open day is on 22 June" in corrected.shown
    forgotten = await visitor.submit(f"/memories/{now.id}/forget")
    assert "Forgotten; nothing of that memory is kept." in forgotten.shown
    assert await pipeline.texts() == ["The open day is on 14 June"]
    gone = await visitor.get(f"/memories/{now.id}")
    assert (gone.status, "not kept any more" in gone.shown) == (404, True)
    for path in ("/", f"/servers/{GUILD}", f"/channels/{CHANNEL}", "/queue", "/refusals", "/receipts"):
        assert (await visitor.get(path)).status == 200


async def test_what_several_members_said_can_be_forgotten_and_not_put_into_other_words(
    visitor: Visitor, pipeline: Pipeline
) -> None:
    said = [await pipeline.say("free on Monday", author=author) for author in (AUTHOR, AUTHOR + 1)]
    memory = await pipeline.keep("The kiln is free on Monday", *(message.id for message in said))
    page = await visitor.get(f"/memories/{memory.id}")
    assert f"/memories/{memory.id}/correct" not in page.links
    refused = await visitor.get(f"/memories/{memory.id}/correct")
    assert (refused.status, "Several members said this" in refused.shown) == (400, True)
    await visitor.submit(f"/memories/{memory.id}/forget")
    assert await pipeline.memories() == []


async def test_a_correction_that_can_not_be_taken_is_shown_again_with_its_reason(
    visitor: Visitor, pipeline: Pipeline
) -> None:
    memory = await pipeline.keep("The kiln is free", (await pipeline.say("free")).id)
    for text in ("  ", "x" * 1001):
        answer = await visitor.submit(f"/memories/{memory.id}/correct", text=text)
        assert answer.status == 400
        assert 'role="alert"' in answer.text
        assert text.strip() in answer.text
    assert await pipeline.texts() == ["The kiln is free"]


async def test_what_is_forgotten_or_corrected_here_leaves_the_files(
    visitor: Visitor, pipeline: Pipeline, data_dir: Path
) -> None:
    forgotten = await pipeline.keep("zqxforgotten kiln", (await pipeline.say("one")).id)
    corrected = await pipeline.keep("zqxcorrected kiln", (await pipeline.say("two")).id)
    await visitor.submit(f"/memories/{forgotten.id}/forget")
    await visitor.submit(f"/memories/{corrected.id}/correct", text="The kiln is hot")
    await pipeline.db.sweep(at_once=True)
    assert await pipeline.texts() == ["The kiln is hot"]
    assert bytes_in(data_dir, "zqxforgotten") == bytes_in(data_dir, "zqxcorrected") == []


async def test_servers_and_channels_show_what_is_kept_of_them_and_when_it_came(
    visitor: Visitor, pipeline: Pipeline, clock: FakeClock
) -> None:
    await pipeline.keep("The kiln is free", (await pipeline.say("free")).id)
    clock.advance(86_400)
    await pipeline.say_many(["one", "two"])
    await pipeline.say("elsewhere", channel=CHANNEL + 1)
    await pipeline.say("in another server", channel=CHANNEL + 2, guild=GUILD + 1)

    servers = await visitor.get("/")
    assert f"server {GUILD} 2 4 1 3 0 3" in servers.shown  # channels, messages, memories, both in 24 hours, waiting
    assert f"server {GUILD + 1} 1 1 0 1 0 1" in servers.shown
    server = await visitor.get(f"/servers/{GUILD}")
    assert f"#{CHANNEL} no 3 2 1" in server.shown  # observed, messages, waiting, memories
    assert f"#{CHANNEL + 1} no 1 1 0" in server.shown
    assert "2025-06-16 3 0 2025-06-15 1 1 2025-06-14 0 0" in server.shown
    channel = await visitor.get(f"/channels/{CHANNEL}")
    assert "Messages kept 3 Waiting 2 Memories 1" in channel.shown
    assert "2025-06-16 2 0 2025-06-15 1 1 2025-06-14 0 0" in channel.shown
    assert len(re.findall(r'<rect class="(?:messages|memories)"[^>]*height="[1-9]', channel.text)) == 3


async def test_queue_refusals_and_receipts_are_counts_without_names_of_members(
    visitor: Visitor, pipeline: Pipeline
) -> None:
    await pipeline.say_many(["one", "two", "three"])
    assert "Messages: 3. Channels: 1." in (await visitor.get("/queue")).shown
    await pipeline.flush()
    assert "No message waits." in (await visitor.get("/queue")).shown
    assert "small talk 1" in (await visitor.get("/refusals")).shown
    assert "None in the last day." in (await visitor.get("/receipts")).shown

    async def nothing() -> None:
        """Before the erasure."""

    await pipeline.clerk_after(nothing).erase_member(AUTHOR, GUILD, up_to=2**62)
    receipts = await visitor.get("/receipts")
    assert f"a member server {GUILD}" in receipts.shown
    assert "3 messages" in receipts.shown
    assert str(AUTHOR) not in receipts.text


async def test_a_memory_that_a_member_flagged_is_hidden_here_too(visitor: Visitor, pipeline: Pipeline) -> None:
    memory = await pipeline.keep(f"<@{NAMED}> broke the kiln", (await pipeline.say(f"<@{NAMED}> broke it")).id)
    path = f"/memories/{memory.id}"
    assert (await visitor.get(path)).status == 200
    await pipeline.named.flag(memory.id, Asker(NAMED, GUILD, readable=frozenset({CHANNEL})))
    assert "broke" not in (await visitor.get("/memories")).shown
    for page in (path, f"{path}/correct", f"{path}/forget"):
        answer = await visitor.get(page)
        assert (answer.status, "flagged it as wrong" in answer.shown) == (404, True)


async def test_an_empty_installation_says_so_on_every_page(visitor: Visitor) -> None:
    says = {
        "/": "Nothing is kept yet.",
        "/queue": "No message waits.",
        "/refusals": "Nothing was refused.",
        "/memories": "Nothing is remembered yet.",
        "/receipts": "None in the last day.",
    }
    assert {path: line in (await visitor.get(path)).shown for path, line in says.items()} == dict.fromkeys(says, True)
    for path in ("/servers/1", "/channels/1", "/servers/9223372036854775808", "/servers/0", "/nothing"):
        assert (await visitor.get(path)).status == 404


async def test_a_page_that_fails_says_so_without_a_word_of_anybody(
    visitor: Visitor, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    said = "".join(("what ", "Ines ", "said"))

    async def fail(_: object, guild_id: int | None = None) -> None:
        raise RuntimeError(said)

    monkeypatch.setattr("bot.remember.dead_letters.DeadLetters.letters", fail)
    answer = await visitor.get("/queue")
    assert (answer.status, "the log says why" in answer.shown) == (500, True)
    assert "RuntimeError" in caplog.text
    assert said not in answer.text + caplog.text
    assert (await visitor.get("/")).status == 200


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_of_writing_can_be_read(scheme: str) -> None:
    style = (files("bot.web") / "static/style.css").read_text(encoding="utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    colours = dict(re.findall(r"--(\w+): (#\w+)", {"light": light, "dark": dark}[scheme]))
    for ground in ("ground", "panel"):
        faint = {
            name: round(_contrast(colours[name], colours[ground]), 1)
            for name in ("ink", "dim", "link", "fault")
            if _contrast(colours[name], colours[ground]) < READABLE
        }
        assert faint == {}, ground


def _contrast(one: str, other: str) -> float:
    """Of two colours, as https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio has it."""
    darker, lighter = sorted(map(_luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
