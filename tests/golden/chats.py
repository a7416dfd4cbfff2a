"""The golden chats: what was said, and what must come of it.

A chat is one YAML document in `chats/`. Messages are numbered from 1 in the order in which they stand; the numbers are
what statements cite, whatever numbers a model is shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from bot.domain import snowflake
from bot.domain.model import MemoryKind, Message
from bot.guilds.rules import FactsRule
from tests.fixtures.storage import CHANNEL, GUILD

FOLDER = Path(__file__).parent / "chats"
BOT = 9_999
FIRST_SPEAKER = 5_001
FLUSH = "flush"
_MODIFIERS = frozenset({"after", "reply"})
_PERSON = re.compile(r"\{(\w+)\}")


class Strict(BaseModel):
    """A part of a chat; a key that is not known is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Statement(Strict):
    """What a model may answer: a text that cites messages by their numbers; `{ana}` is a person."""

    text: str
    kind: MemoryKind
    lines: tuple[int, ...] = Field(min_length=1)


class Good(Statement):
    """A statement that has to be kept.

    Attributes:
        kept: the memory's text, where it is not the statement's.
        cites: the messages that it cites, where they are not those named.
        merges: number of the good statement into whose memory it goes.
        supersedes: numbers of the good statements that it replaces.
    """

    kept: str | None = None
    cites: tuple[int, ...] | None = None
    merges: int | None = None
    supersedes: tuple[int, ...] = ()


class Wrong(Statement):
    """A statement that must not be kept, and the reason that is counted."""

    refused: str


class Chat(Strict):
    """One chat.

    Attributes:
        name: what it shows; unique.
        start: time of the first message; an aware one.
        names: display names of speakers, where they are not the capitalised key.
        facts: speakers who switched facts about themselves on.
        rule: what the server's admins decided about facts.
        messages: `{speaker: text}` with `after` (minutes since the message before, 1 by default) and `reply` (number of
            the message replied to); "flush" where the pending messages are extracted before more is said.
        good: what a careful model answers; all of it has to be kept as told.
        wrong: what a careless model may propose, and agree to when it checks; none of it may be kept.
        never: messages that no memory may cite whatever a model answers, with the reason for which their own words are
            refused ("not shown": the model never sees them).
        unsaid: what no memory's text may contain, whatever a model answers.
    """

    name: str
    start: datetime
    names: Mapping[str, str] = {}
    facts: tuple[str, ...] = ()
    rule: FactsRule = FactsRule.ASKED
    messages: tuple[str | Mapping[str, str | int | float], ...]
    good: tuple[Good, ...] = ()
    wrong: tuple[Wrong, ...] = ()
    never: Mapping[int, str] = {}
    unsaid: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _speakers_known(self) -> Self:
        if unknown := {*self.facts, *self.names} - set(self.speakers):
            raise ValueError(f"nobody in the chat is called {', '.join(sorted(unknown))}")
        return self

    @model_validator(mode="after")
    def _numbers_known(self) -> Self:
        named = {*self.never, *(number for one in (*self.good, *self.wrong) for number in one.lines)}
        if beyond := named - {*range(1, len(self.said) + 1)}:
            raise ValueError(f"{self.name!r} has no message {min(beyond)}")
        return self

    @property
    def speakers(self) -> dict[str, int]:
        """User ids by key: who speaks, in the order of their first messages, then who only has a name."""
        spoken = (_speaker(entry) for entry in self.messages if not isinstance(entry, str))
        keys = dict.fromkeys((*spoken, *self.names))
        return {key: FIRST_SPEAKER + place for place, key in enumerate(keys)}

    @property
    def display_names(self) -> dict[int, str]:
        """Display names by user id."""
        return {user_id: self.names.get(key, key.capitalize()) for key, user_id in self.speakers.items()}

    @property
    def parts(self) -> list[list[Message]]:
        """The messages, oldest first, those that are extracted together in one list."""
        said: list[Message] = []
        parts: list[list[Message]] = [[]]
        moment = self.start
        for entry in self.messages:
            if isinstance(entry, str):
                parts.append([])
                continue
            moment += timedelta(minutes=float(entry.get("after", 1 if said else 0)))
            speaker = _speaker(entry)
            reply = entry.get("reply")
            message = Message(
                id=snowflake.from_datetime(moment) + len(said) + 1,
                guild_id=GUILD,
                channel_id=CHANNEL,
                author_id=self.speakers[speaker],
                content=self.referring(str(entry[speaker])),
                reply_to=None if reply is None else said[int(reply) - 1].id,
            )
            said.append(message)
            parts[-1].append(message)
        return parts

    @property
    def said(self) -> list[Message]:
        """All messages, oldest first: message number 1 is the first."""
        return [message for part in self.parts for message in part]

    def referring(self, text: str) -> str:
        """A text with `<@user_id>` for `{ana}`."""
        people = self.speakers | {"bot": BOT}
        return _PERSON.sub(lambda m: f"<@{people[m[1]]}>" if m[1] in people else m[0], text)


@cache
def all_chats() -> Mapping[str, Chat]:
    """Every golden chat by its name."""
    found: dict[str, Chat] = {}
    for file in sorted(FOLDER.glob("*.yaml")):
        for document in yaml.load_all(file.read_text(encoding="utf-8"), yaml.CSafeLoader):
            chat = Chat.model_validate(document)
            if chat.name in found:
                raise ValueError(f"two chats are called {chat.name!r}")
            found[chat.name] = chat
    return found


def _speaker(entry: Mapping[str, Any]) -> str:
    (speaker,) = entry.keys() - _MODIFIERS
    return speaker
