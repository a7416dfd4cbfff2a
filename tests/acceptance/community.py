"""Twelve people, four channels, five hundred messages: what the main job is shown on."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from dataclasses import dataclass, field

from tests.acceptance.stores import canary, logged, rows, said_by_people, states
from tests.fixtures.process import Stage
from tests.loopback.discord import eventually
from tests.loopback.discord_world import Channel, Guild, Json, Member, Message, Role
from tests.loopback.http import smallest

NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana", "Ivo", "Jun", "Kai", "Lou")
MESSAGES = 500
UNOBSERVED = 60
OF_THE_OPTED_OUT = 10
DECISIONS = (
    "bridge will be painted green",
    "ferry will stop at the old mill",
    "library will open on Sundays",
    "kitchen will get a second oven",
    "newsletter will go out every month",
    "festival will take place in the park",
    "website will run on our own server",
    "budget will be voted on in March",
    "garden will be watered by hand",
    "choir will sing without microphones",
    "bus will be sold to the school",
    "archive will be scanned by volunteers",
)
SMALL_TALK = (
    "the printer on the second floor is out of paper again",
    "has anybody seen the blue ladder since the weekend",
    "lunch was better than I thought it would be today",
    "my train stood still for half an hour this morning",
    "the new chairs are more comfortable than the old ones",
    "somebody left the lights on in the cellar yesterday",
    "I can bring the long cable when I come by later",
    "that film was longer than it needed to be I think",
)
_COOLDOWN = re.compile(r"try again in (\d+) second")
_LINE = re.compile(r"^(\d+) @[A-Z]{1,2}(?: to @[A-Z]{1,2})?(?:, [^:]+:\d\d)?: We decided that (.+)$", re.MULTILINE)
_STATEMENT = re.compile(r"^S(\d+) \(", re.MULTILINE)


def decisions_as_memories(request: Json) -> Json:
    """A model that proposes each line that tells of a decision, and approves of whatever it is asked to check."""
    wanted, prompt = request["format"]["properties"], request["messages"][-1]["content"]
    if "verdicts" in wanted:
        approved = {"said": True, "lasting": True, "private": False, "relation": "new", "memory": []}
        return {"verdicts": [{"n": int(number)} | approved for number in _STATEMENT.findall(prompt)]}
    if "memories" not in wanted:  # a prompt of the program's own
        own = smallest(request["format"])
        return own if isinstance(own, dict) else {}
    decided = _LINE.findall(prompt.rsplit("Lines:", 1)[-1])
    memories = [
        {"lines": [int(number)], "kind": "decision", "text": text[0].upper() + text[1:]} for number, text in decided
    ]
    return {"memories": memories[: wanted["memories"]["maxItems"]]}


@dataclass(frozen=True)
class Decision:
    """Something that was decided, in a message of its own.

    Attributes:
        word: occurs nowhere else.
        text: how it is told: the word, then what was decided.
    """

    word: str
    text: str
    said: Message


@dataclass
class Community:
    """The server that the bot lives in while the main job is shown.

    Attributes:
        harbour: observed too, and only the crew can read it.
        lounge: not observed.
        decisions: four in each observed channel.
        last_id: the newest message of the five hundred.
        embedding_requests: how many the flush of the observed channels took.
    """

    stage: Stage
    guild: Guild
    people: dict[str, Member]
    crew: Role
    general: Channel
    help: Channel
    harbour: Channel
    lounge: Channel
    decisions: list[Decision] = field(default_factory=list)
    opted_out: list[Message] = field(default_factory=list)
    by_machines: list[Message] = field(default_factory=list)
    embedding_requests: int = 0
    last_id: int = 0

    @property
    def observed(self) -> tuple[Channel, Channel, Channel]:
        return self.general, self.help, self.harbour

    @property
    def ada(self) -> Member:
        """Manages the server; crew."""
        return self.people["Ada"]

    @property
    def ben(self) -> Member:
        """May manage messages everywhere; crew."""
        return self.people["Ben"]

    @property
    def eve(self) -> Member:
        """An ordinary member who is not of the crew."""
        return self.people["Eve"]

    @property
    def lou(self) -> Member:
        """Opted out before saying anything."""
        return self.people["Lou"]

    def decision(self, channel: Channel) -> Decision:
        """A decision that was made in this channel."""
        return random.choice([decision for decision in self.decisions if decision.said.channel is channel])

    async def ask(self, member: Member, channel: Channel, command: str, /, **options: object) -> Message:
        """Use a command and return what it answered; where it asks to wait, wait and use it again."""
        while True:
            self.stage.bot.check()
            answer = await self.stage.discord.command(member, channel, command, **options).answer()
            wait = _COOLDOWN.search(answer.text)
            if wait is None:
                return answer
            await asyncio.sleep(int(wait[1]))

    async def recall(self, member: Member, channel: Channel, query: str) -> Message:
        return await self.ask(member, channel, "recall", query=query)


def plain(message: Message) -> str:
    """What a reader sees of an answer, without bold and the marks that keep text from formatting."""
    return message.text.replace("**", "").replace("\\", "").replace("\u200b", "")


def settle(stage: Stage) -> Community:
    """Make the server and its people."""
    guild = stage.discord.world.guild("Workshop")
    admins = guild.role("Admins", "manage_guild")
    mods = guild.role("Mods", "manage_messages")
    crew = guild.role("Crew")
    roles = {"Ada": (admins, crew), "Ben": (mods, crew), "Cleo": (crew,), "Dan": (crew,)}
    people = {name: guild.member(name, *roles.get(name, ())) for name in NAMES}
    harbour = guild.text("harbour")
    harbour.overwrite(guild.everyone, deny=["view_channel"])
    for target in (crew, guild.me):
        harbour.overwrite(target, allow=["view_channel"])
    general, help_, lounge = guild.text("general"), guild.text("help"), guild.text("lounge")
    stage.ollama.answer = decisions_as_memories
    return Community(stage, guild, people, crew, general, help_, harbour, lounge)


async def found(community: Community) -> None:
    """Start the bot, observe three channels, let everybody talk, and flush."""
    stage = community.stage
    stage.observe(community.general, community.help)
    await stage.bot.start()
    await stage.bot.noticed(community.general, community.help)
    await community.ask(community.ada, community.harbour, "observe on")
    await stage.bot.noticed(community.harbour)
    await opt_out(community)
    talk(community)
    await eventually(
        lambda: logged(stage.bot.database, *community.observed) == expected(community),
        within=20,
        what="every message in the log",
    )
    await flush(community)
    community.last_id = max(expected(community))


def expected(community: Community) -> Counter[int]:
    """What the log is to hold of the observed channels."""
    kept = said_by_people(*community.observed)
    for said in community.opted_out:
        del kept[said.id]
    return kept


def talk(community: Community) -> None:
    """Five hundred messages of twelve people, in random order; some are decisions, and some must leave no trace."""
    speakers = [member for name, member in community.people.items() if name not in ("Kai", "Lou")]
    crew = [member for member in speakers if community.crew in member.roles]
    kinds = ["lounge"] * UNOBSERVED + ["lou"] * OF_THE_OPTED_OUT
    kinds += ["talk"] * (MESSAGES - len(kinds) - len(DECISIONS))
    random.shuffle(kinds)
    for number, kind in enumerate(kinds):
        channel = community.observed[number % 3]
        speaker = random.choice(crew if channel is community.harbour else speakers)
        match kind:
            case "lounge":
                community.lounge.say(community.people["Kai"], f"{canary()} {canary()}")
            case "lou":
                place = random.choice((community.general, community.help))
                community.opted_out.append(place.say(community.lou, f"{canary()} {canary()}"))
            case _:
                channel.say(speaker, f"{random.choice(SMALL_TALK)} {number}")
    for number, decided in enumerate(DECISIONS):
        word, channel = canary(), community.observed[number % 3]
        said = channel.say(random.choice(crew), f"We decided that the {word} {decided}.")
        community.decisions.append(Decision(word, f"{word} {decided}", said))
    robot = community.guild.member("Feedbot", bot=True)
    community.by_machines += [
        community.general.say(robot, f"{canary()} {canary()}"),
        community.general.webhook(canary(), f"{canary()} {canary()}"),
    ]


async def opt_out(community: Community) -> None:
    """Lou does not want to be remembered."""
    discord = community.stage.discord
    asked = discord.command(community.lou, community.general, "privacy opt-out")
    discord.press(community.lou, await asked.answer(), "Opt out and delete")
    await asked.edited()


async def flush(community: Community) -> None:
    """Ask for extraction in every channel and wait until nothing is pending and the index knows everything."""
    bot, openai = community.stage.bot, community.stage.openai
    before = len(openai.asked("/embeddings"))
    owner = community.guild.members[community.guild.owner_id]
    for manager, channel in zip((owner, owner, community.ada), community.observed, strict=True):
        await community.ask(manager, channel, "memory flush")
    await eventually(lambda: not states(bot.database)["pending"], within=30, what="the end of the flush")
    await eventually(lambda: rows(bot.database, "SELECT count(*) FROM outbox") == [(0,)], within=30, what="the index")
    community.embedding_requests = len(openai.asked("/embeddings")) - before
