"""The loopback Discord itself, seen by a plain discord.py client: what the other acceptance tests stand on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import discord
import pytest
import yarl
from discord import app_commands, ui
from discord.gateway import DiscordWebSocket
from discord.http import Route

from tests.loopback.discord import LoopbackDiscord, eventually
from tests.loopback.discord_gateway import INTENT_MEMBERS, INTENT_PRESENCES


class Reader(discord.Client):
    """Writes down what it hears."""

    def __init__(self, **intents: bool) -> None:
        wanted = discord.Intents(guilds=True, guild_messages=True, **({"message_content": True} | intents))
        super().__init__(intents=wanted, guild_ready_timeout=0.05, max_messages=None)
        self.tree = app_commands.CommandTree(self)
        self.heard: list[str] = []
        self.events: list[str] = []
        self.readies = 0

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Don't wait five seconds between sessions; this server does not mind."""

    async def on_ready(self) -> None:
        self.readies += 1

    async def on_message(self, message: discord.Message) -> None:
        self.heard.append(message.content)

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        self.events.append(f"edit {payload.message.content}")

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        self.events.append(f"delete {payload.message_id}")

    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        self.events.append(f"bulk {len(payload.message_ids)}")

    async def on_thread_create(self, thread: discord.Thread) -> None:
        self.events.append(f"thread {thread.name}")

    async def on_guild_channel_update(self, before: discord.abc.GuildChannel, after: discord.abc.GuildChannel) -> None:
        self.events.append(f"channel {after.name}")


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LoopbackDiscord]:
    async with LoopbackDiscord() as server:
        monkeypatch.setattr(Route, "BASE", server.api_url)
        monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(server.gateway_url))
        yield server


@asynccontextmanager
async def running(client: Reader, server: LoopbackDiscord) -> AsyncIterator[Reader]:
    """The client, connected and ready."""
    async with client:
        task = asyncio.create_task(client.start(server.token))
        try:
            await eventually(lambda: client.readies or task.done(), what="READY")
            if task.done():
                await task
            yield client
        finally:
            await client.close()
            with suppress(asyncio.CancelledError):
                await asyncio.wait_for(task, 5)


async def test_a_client_becomes_ready_and_hears_what_is_said(server: LoopbackDiscord) -> None:
    guild = server.world.guild("Workshop")
    general, ada = guild.text("general"), guild.member("Ada")
    async with running(Reader(), server) as client:
        said = general.say(ada, "Hello")
        general.say(ada, "Answer", reply_to=said)
        await eventually(lambda: client.heard == ["Hello", "Answer"])
        assert [known.name for known in client.guilds] == ["Workshop"]
        channel = client.get_channel(general.id)
        assert isinstance(channel, discord.TextChannel)
        assert (await channel.fetch_message(said.id)).author.display_name == "Ada"
    assert server.unknown == []


async def test_edits_deletions_threads_and_overwrites_arrive(server: LoopbackDiscord) -> None:
    guild = server.world.guild("Workshop")
    general, ada = guild.text("general"), guild.member("Ada")
    said = [general.say(ada, f"m{number}") for number in range(4)]
    async with running(Reader(), server) as client:
        said[0].edit("better")
        said[1].delete()
        general.delete_messages(said[2:])
        general.thread("plans", ada)
        general.overwrite(guild.everyone, deny=["view_channel"])
        expected = {"edit better", f"delete {said[1].id}", "bulk 2", "thread plans", "channel general"}
        await eventually(lambda: expected <= set(client.events))
        general.say(ada, "whispered")
        guild.text("other").say(ada, "aloud")
        await eventually(lambda: client.heard == ["aloud"])


async def test_history_is_cut_into_pages_as_discord_cuts_it(server: LoopbackDiscord) -> None:
    guild = server.world.guild("Workshop")
    general, ada = guild.text("general"), guild.member("Ada")
    then = datetime.now(UTC) - timedelta(hours=1)
    said = [general.say(ada, f"m{n}", at=then + timedelta(seconds=n)) for n in range(257)]
    async with running(Reader(), server) as client:
        channel = client.get_channel(general.id)
        assert isinstance(channel, discord.TextChannel)
        after = [m.content async for m in channel.history(after=discord.Object(said[1].id), limit=None)]
        before = [m.content async for m in channel.history(before=discord.Object(said[255].id), limit=120)]
        around = [m.content async for m in channel.history(around=discord.Object(said[100].id), limit=5)]
    assert after == [f"m{n}" for n in range(2, 257)]
    assert before == [f"m{n}" for n in range(254, 134, -1)]
    assert sorted(around) == ["m100", "m101", "m102", "m98", "m99"]
    assert len(server.requests_to("GET /channels/*/messages")) == 6


async def test_a_dropped_socket_resumes_and_misses_nothing(server: LoopbackDiscord) -> None:
    guild = server.world.guild("Workshop")
    general, ada = guild.text("general"), guild.member("Ada")
    async with running(Reader(), server) as client:
        general.say(ada, "before")
        await eventually(lambda: client.heard == ["before"])
        server.gateway.drop()
        general.say(ada, "meanwhile")
        await eventually(lambda: client.heard == ["before", "meanwhile"])
        assert (server.gateway.resumes, len(server.gateway.identifies), client.readies) == (1, 1, 1)


async def test_an_invalid_session_identifies_anew_and_misses_what_was_said(server: LoopbackDiscord) -> None:
    guild = server.world.guild("Workshop")
    general, ada = guild.text("general"), guild.member("Ada")
    async with running(Reader(), server) as client:
        await server.gateway.invalidate()
        general.say(ada, "lost")
        await eventually(lambda: client.readies == 2, within=10)
        general.say(ada, "heard")
        await eventually(lambda: client.heard == ["heard"])
        assert (server.gateway.resumes, len(server.gateway.identifies)) == (0, 2)


async def test_a_resume_of_a_forgotten_session_is_refused(server: LoopbackDiscord) -> None:
    server.world.guild("Workshop")
    async with running(Reader(), server) as client:
        server.gateway.forget()
        server.gateway.drop()
        await eventually(lambda: client.readies == 2, within=10)
        assert server.gateway.resumes == 0


async def test_privileged_intents_must_be_allowed(server: LoopbackDiscord) -> None:
    server.privileged = INTENT_MEMBERS | INTENT_PRESENCES
    async with Reader() as client:
        with pytest.raises(discord.PrivilegedIntentsRequired):
            await asyncio.wait_for(client.start(server.token), 5)


async def test_without_the_content_intent_content_stays_empty(server: LoopbackDiscord) -> None:
    guild = server.world.guild("Workshop")
    general, ada = guild.text("general"), guild.member("Ada")
    async with running(Reader(message_content=False), server) as client:
        general.say(ada, "private")
        await eventually(lambda: client.heard)
        assert client.heard == [""]


async def test_a_wrong_token_is_refused(server: LoopbackDiscord) -> None:
    async with Reader() as client:
        with pytest.raises(discord.LoginFailure):
            await client.start("wrong")


async def test_faults_hit_the_requests_they_are_for(server: LoopbackDiscord) -> None:
    guild = server.world.guild("Workshop")
    general = guild.text("general")
    async with running(Reader(), server) as client:
        channel = client.get_channel(general.id)
        assert isinstance(channel, discord.TextChannel)
        server.faults.rate_limit("GET /channels/*/messages", 0.2)
        started = time.monotonic()
        assert [m async for m in channel.history(limit=1)] == []
        assert 0.2 <= time.monotonic() - started < 2
        server.faults.rate_limit("GET /channels/*/messages", 0.2, via=False)
        with pytest.raises(discord.HTTPException, match="429"):
            [m async for m in channel.history(limit=1)]
        server.faults.status("POST /channels/*/messages", 403)
        with pytest.raises(discord.Forbidden):
            await channel.send("no")
        server.faults.hang("POST /channels/*/messages")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(channel.send("no"), 0.2)
    assert general.messages == []


async def test_limited_buckets_answer_429_beyond_their_limit(server: LoopbackDiscord) -> None:
    guild = server.world.guild("Workshop")
    general = guild.text("general")
    server.limit("POST /channels/*/messages", 2, 0.3)
    async with running(Reader(), server) as client:
        channel = client.get_channel(general.id)
        assert isinstance(channel, discord.TextChannel)
        started = time.monotonic()
        await asyncio.gather(*(channel.send(f"m{n}") for n in range(5)))
        assert 0.6 <= time.monotonic() - started < 3
    assert len(general.messages) == 5


async def test_what_the_bot_may_not_do_is_refused(server: LoopbackDiscord) -> None:
    guild = server.world.guild("Workshop")
    hidden, quiet = guild.text("hidden"), guild.text("quiet")
    hidden.overwrite(guild.everyone, deny=["view_channel"])
    quiet.overwrite(guild.me, deny=["send_messages"])
    async with running(Reader(), server) as client:
        for place, error in ((hidden, 50001), (quiet, 50013)):
            channel = client.get_channel(place.id)
            assert isinstance(channel, discord.TextChannel)
            with pytest.raises(discord.Forbidden) as refused:
                await channel.send("hello")
            assert refused.value.code == error


class Tools(Reader):
    """Answers interactions in each of the ways there are."""

    async def setup_hook(self) -> None:
        group = app_commands.Group(name="tool", description="tools", guild_only=True)

        @group.command(name="echo")
        async def echo(interaction: discord.Interaction, text: str, member: discord.Member | None = None) -> None:
            said = f"{text} {member.id if member else ''}".strip()
            await interaction.response.send_message(said, ephemeral=True)

        @group.command(name="slow")
        async def slow(interaction: discord.Interaction) -> None:
            await interaction.response.defer(ephemeral=True, thinking=True)
            await asyncio.sleep(0.05)
            view = ui.LayoutView()
            view.add_item(ui.Container(ui.TextDisplay("done")))
            await interaction.edit_original_response(view=view)

        @group.command(name="ask")
        async def ask(interaction: discord.Interaction) -> None:
            await interaction.response.send_modal(Form())

        @group.command(name="panel")
        async def panel(interaction: discord.Interaction) -> None:
            await interaction.response.send_message("pages", view=Panel())

        @echo.autocomplete("text")
        async def complete(interaction: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
            return [app_commands.Choice(name=current.upper(), value=current)]

        @app_commands.context_menu(name="Quote")
        async def quote(interaction: discord.Interaction, message: discord.Message) -> None:
            await interaction.response.send_message(f"> {message.content}")
            await interaction.followup.send("and more", ephemeral=True)

        self.tree.add_command(group)
        self.tree.add_command(quote)
        await self.tree.sync()


class Form(ui.Modal, title="Form"):
    words: ui.TextInput[Form] = ui.TextInput(label="Words")

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"got {self.words.value}", ephemeral=True)


class Panel(ui.View):
    @ui.button(label="Next")
    async def turn(self, interaction: discord.Interaction, _: ui.Button[Panel]) -> None:
        await interaction.response.edit_message(content="page 2")


async def test_interactions_of_every_kind_are_answered(server: LoopbackDiscord) -> None:
    guild = server.world.guild("Workshop")
    general, ada = guild.text("general"), guild.member("Ada")
    said = general.say(ada, "the roof leaks")
    async with running(Tools(), server) as client:
        assert server.command_puts == 1
        echoed = server.command(ada, general, "tool echo", text="hi", member=ada)
        answer = await echoed.answer()
        assert (answer.text, answer.ephemeral) == (f"hi {ada.id}", True)
        slow = server.command(ada, general, "tool slow")
        assert ((await slow.answer()).text, slow.callback) == ("done", 5)
        suggested = server.autocomplete(ada, general, "tool echo", "text", text="ab")
        assert await suggested.suggestions() == [{"name": "AB", "value": "ab"}]
        asked = server.command(ada, general, "tool ask")
        assert (await asked.shown_modal())["title"] == "Form"
        assert (await server.submit(asked, Words="plums").answer()).text == "got plums"
        quoted = server.menu(ada, said, "Quote")
        await eventually(lambda: len(quoted.messages) == 2)
        assert [message.text for message in quoted.messages] == ["> the roof leaks", "and more"]
        panel = await server.command(ada, general, "tool panel").answer()
        pressed = server.press(ada, panel, "Next")
        await pressed.edited()
        assert panel.text == "page 2"
        assert [message.text for message in general.messages] == ["the roof leaks", "> the roof leaks", "page 2"]
        assert client.heard == ["> the roof leaks", "pages"]
    assert server.unknown == []


async def test_going_down_refuses_and_coming_up_brings_the_client_back(server: LoopbackDiscord) -> None:
    guild = server.world.guild("Workshop")
    general, ada = guild.text("general"), guild.member("Ada")
    async with running(Reader(), server) as client:
        await server.go_down()
        await asyncio.sleep(0.05)
        await server.come_up()
        general.say(ada, "back")
        await eventually(lambda: client.heard == ["back"], within=20)


async def test_something_happens_after_so_many_events(server: LoopbackDiscord) -> None:
    guild = server.world.guild("Workshop")
    general, ada = guild.text("general"), guild.member("Ada")
    async with running(Reader(), server) as client:
        server.gateway.after_events(3, server.gateway.drop)
        for number in range(5):
            general.say(ada, f"m{number}")
        await eventually(lambda: client.heard == [f"m{number}" for number in range(5)])
        assert server.gateway.resumes == 1
