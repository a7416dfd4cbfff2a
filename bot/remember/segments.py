"""Cuts a batch of one channel's messages into model calls, with conversations told apart.

Who talks with whom is read from reply links, mentions, names at the start of a message, times and participants, which
is what disentanglement of chat relies on (Kummerfeld et al. 2019, https://aclanthology.org/P19-1374).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from bot.domain import Message, snowflake
from bot.llm import estimate_tokens
from bot.remember.people import People
from bot.text import own_words

GAP_MS = 30 * 60_000
"""Silence that ends a conversation, unless a reply takes it up."""
ACTIVE_MS = 5 * 60_000
"""Within this time a participant's next message belongs to what they talked about last."""
BUSY_MS = 60_000
"""A newcomer's question this soon after the last message opens a conversation beside the one that is going on."""
REAL_SHARE = 0.75
"""Tokens that chat really takes, by the safe estimate (0.65 to 0.83 in Qwen2.5's vocabulary, on three kinds)."""
LINE_TOKENS = 4
"""What line number, speaker and line break cost beside a message's text."""
WORTH_SPLITTING = 0.4
"""A conversation is split over two calls only where more than this share of a call is still empty."""
_QUESTION_MARKS = frozenset("?？؟")
SLACK = 1.1
"""How far one call may exceed the others before the next begins, so that calls come out even."""


@dataclass(slots=True)
class _Conversation:
    messages: list[Message] = field(default_factory=list)
    last_spoke: dict[int, int] = field(default_factory=dict)
    last_meant: dict[int, int] = field(default_factory=dict)
    last_pair: dict[frozenset[int], int] = field(default_factory=dict)

    @property
    def last_ms(self) -> int:
        return snowflake.to_ms(self.messages[-1].id)

    def add(self, message: Message, meant: Iterable[int]) -> None:
        at = snowflake.to_ms(message.id)
        self.messages.append(message)
        self.last_spoke[message.author_id] = at
        self.last_meant.update(dict.fromkeys(meant, at))
        self.last_pair.update({frozenset((message.author_id, other)): at for other in meant})

    def last_with(self, author_id: int, others: Iterable[int]) -> int:
        """When the author and one of `others` last spoke to each other here, in ms; -1 for never."""
        return max((self.last_pair.get(frozenset((author_id, other)), -1) for other in others), default=-1)

    def last_of(self, user_id: int) -> int:
        """When this member last spoke here or was spoken to, in ms; -1 for never."""
        return max(self.last_spoke.get(user_id, -1), self.last_meant.get(user_id, -1))


def conversations(messages: Sequence[Message], names: Mapping[int, str]) -> list[list[Message]]:
    """Tell the conversations in one channel's `messages` apart; each is oldest first, in order of their beginnings."""
    people = People(names)
    found: list[_Conversation] = []
    home: dict[int, _Conversation] = {}
    for message in messages:
        meant = people.meant(message.content)
        conversation = home.get(message.reply_to or 0) or _belongs(message, meant, found)
        if conversation is None:
            conversation = _Conversation()
            found.append(conversation)
        conversation.add(message, meant)
        home[message.id] = conversation
    return [conversation.messages for conversation in found]


def _belongs(message: Message, meant: frozenset[int], found: Sequence[_Conversation]) -> _Conversation | None:
    """The conversation that `message` goes on with, by whom it speaks to, by its author, or by what is going on."""
    now = snowflake.to_ms(message.id)
    author = message.author_id
    going_on = [c for c in found if now - c.last_ms <= GAP_MS]
    if meant:
        pair = _latest(going_on, lambda c: c.last_with(author, meant))
        partner = pair or _latest(going_on, lambda c: max(c.last_of(other) for other in meant))
        return partner or _latest(going_on, lambda c: c.last_of(author), now - ACTIVE_MS)
    if own := _latest(going_on, lambda c: c.last_of(author), now - ACTIVE_MS):
        return own
    latest = _latest(going_on, lambda c: c.last_ms)
    if latest and not _QUESTION_MARKS.isdisjoint(message.content) and now - latest.last_ms <= BUSY_MS:
        return None
    return latest


def _latest(
    among: Iterable[_Conversation], when: Callable[[_Conversation], int], since_ms: int = 0
) -> _Conversation | None:
    """The one of `among` with the latest time by `when`, if that is not before `since_ms`."""
    best = max(among, key=when, default=None)
    return best if best is not None and when(best) >= since_ms else None


@dataclass(slots=True)
class _Call:
    messages: list[Message] = field(default_factory=list)
    tokens: int = 0


def segment(
    messages: Sequence[Message], names: Mapping[int, str], *, max_tokens: int = 1000, max_messages: int = 30
) -> list[list[Message]]:
    """Split `messages` of one channel into calls' worth, conversations kept together where they fit.

    Short conversations share a call. Every message is in exactly one call, and each call is oldest first. A message of
    more than `max_tokens` is alone in its call.

    Args:
        messages: oldest first.
        names: display names by user id.
        max_tokens: bound of a call's messages, by `likely_tokens`.
        max_messages: bound of a call's messages.
    """
    costs = {m.id: likely_tokens(m) for m in messages}
    tokens = sum(costs.values())
    count = max(ceil(tokens / max_tokens), ceil(len(messages) / max_messages), 1)
    room = min(max_tokens, ceil(SLACK * tokens / count))
    places = min(max_messages, ceil(SLACK * len(messages) / count))
    calls: list[_Call] = []
    for conversation in conversations(messages, names):
        _place(conversation, calls, costs, room, places)
    return sorted((sorted(call.messages, key=lambda m: m.id) for call in calls), key=lambda call: call[0].id)


def likely_tokens(message: Message) -> int:
    """How many tokens a message likely takes as a line of the prompt; the window is sized by a safer estimate."""
    return ceil(REAL_SHARE * estimate_tokens(own_words(message.content))) + LINE_TOKENS


def _place(
    conversation: Sequence[Message], calls: list[_Call], costs: Mapping[int, int], room: int, places: int
) -> None:
    """Put one conversation into the last call, into a new one, or over several where it is too long for one."""
    tokens = sum(costs[m.id] for m in conversation)
    fits = bool(calls) and calls[-1].tokens + tokens <= room and len(calls[-1].messages) + len(conversation) <= places
    if not calls or (not fits and not _worth_splitting(calls[-1], room, places)):
        calls.append(_Call())
    for message in conversation:
        call = calls[-1]
        if call.messages and (call.tokens + costs[message.id] > room or len(call.messages) >= places):
            call = _Call()
            calls.append(call)
        call.messages.append(message)
        call.tokens += costs[message.id]


def _worth_splitting(call: _Call, room: int, places: int) -> bool:
    return call.tokens < (1 - WORTH_SPLITTING) * room and len(call.messages) < (1 - WORTH_SPLITTING) * places
