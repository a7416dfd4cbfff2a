"""What the intake is told, in the order in which it is written."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.observe.messagelog import Said


@dataclass(frozen=True, slots=True)
class SaidEvent:
    """A message; `moves` where nothing is missing before it, so that it moves its channel's checkpoint."""

    said: Said
    moves: bool


@dataclass(frozen=True, slots=True)
class CheckpointEvent:
    """A channel is read up to a snowflake."""

    channel_id: int
    up_to: int


@dataclass(frozen=True, slots=True)
class EditedEvent:
    """A message has another text."""

    message_id: int
    content: str
    edited_at: datetime


@dataclass(frozen=True, slots=True)
class DeletedEvent:
    """Messages are deleted."""

    guild_id: int
    channel_id: int
    message_ids: tuple[int, ...]


IntakeEvent = SaidEvent | CheckpointEvent | EditedEvent | DeletedEvent


def parts_of(events: Iterable[IntakeEvent]) -> list[list[IntakeEvent]]:
    """Neighbouring events that are written together, in order."""
    return [list(part) for _, part in itertools.groupby(events, key=_part_key)]


def _part_key(event: IntakeEvent) -> tuple[object, ...]:
    match event:
        case EditedEvent(message_id):
            return ("edited", message_id)
        case DeletedEvent(guild_id, channel_id):
            return ("deleted", guild_id, channel_id)
        case _:
            return ("said",)


def checkpoints_of(events: Iterable[IntakeEvent]) -> dict[int, int]:
    """Up to where channels are read once events are durable."""
    checkpoints: dict[int, int] = {}
    for event in events:
        match event:
            case SaidEvent(said, moves=True):
                channel_id, up_to = said.message.channel_id, said.message.id
            case CheckpointEvent(channel_id, up_to):
                pass
            case _:
                continue
        checkpoints[channel_id] = max(up_to, checkpoints.get(channel_id, 0))
    return checkpoints
