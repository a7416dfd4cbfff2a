"""Sentences that several commands say: what happened, and what to do next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from bot.domain import Phrase
from bot.languages import Language
from bot.memories import NOT_FOUND

LINE = 190
"""Characters of one line in a list of twenty, which stays below the 4,000 of a view."""

SERVER_ONLY = Phrase("I work in servers only; ask me in a channel of a server that I am in.")
NOT_ALLOWED = Phrase("You may not do that here; ask somebody who manages this server.")
BAD_OPTION = Phrase("I couldn't read one of the options; choose it again from the list that Discord offers.")
NOT_YOURS = NOT_FOUND
GONE = Phrase("This has ended; run the command again.")
UNOBSERVED = Phrase(
    "This channel is not observed, so nothing of it is remembered; an admin can change that with `/observe on`."
)
OPTED_OUT_SELF = Phrase("You opted out, so nothing of yours is kept; `/privacy opt-in` starts again.")
NOT_OPTED_IN = Phrase("This server keeps only what members who opted in say; `/privacy opt-in` says yes for you.")
OPTED_OUT_AUTHOR = Phrase("The author of this message does not want to be remembered, so it is left alone.")
NOT_A_PERSON = Phrase("Only what people say is remembered; this message is from a bot, a webhook or Discord itself.")
EMPTY_MESSAGE = Phrase("There is nothing in this message that could be remembered; try one with text.")
MAY_HAVE_CHANGED = Phrase("⚠️ may have changed since")
MESSAGE_STAYS = Phrase("The message itself stays in Discord, and in search until it expires.")
NONE_SUCH = Phrase("None of these memories that you can read here is like that; `/memories` without options shows all.")
NOT_COMPARED = Phrase("Some of it could not be compared with Discord just now and is left out; ask again in a moment.")
NO_SUCH_CHANNEL = Phrase("I can't see that channel here; choose one of this server from the list.")
NO_FACTS = Phrase(
    "This server keeps no facts about members at all, by decision of its admins; nothing has to be switched."
)
FACTS_ON = Phrase(
    "Facts and preferences that you state about yourself here are remembered from now on, in your own words; "
    "`/privacy facts keep: off` ends it."
)
FACTS_OFF = Phrase("Nothing more of that kind is remembered; `/memories` shows what is there, to forget it.")
NO_MODEL_TO_READ = Phrase("No language model is in use here (MEM0_ENABLED=false), so nothing can be read again.")
NOTHING_TO_READ = Phrase("Nothing that was read before is kept of this server, so there is nothing to read again.")
NO_MODEL = Phrase("No language model is in use here (MEM0_ENABLED=false), so there is nothing to flush.")
CAN_NOT_READ = Phrase("You or I can't read the history of this channel, so there is nothing to catch up on here.")
NO_PLACE = Phrase("Nothing can be posted here, so this is for you alone.")
MAY_NOT_WRITE = Phrase("You may not write here, so I don't post it for you; this is for you alone.")
CAN_NOT_WRITE = Phrase("I may not write and read here, so I can't post it; this is for you alone.")
NOTHING_TO_SHARE = Phrase(
    "Nothing was posted: what I found is nothing that everybody here may read. What follows is for you alone."
)
NOTHING_ON_PAGE = Phrase("Nothing was posted: nothing on this page may be read by everybody here.")
SHARED = Phrase("Posted. It is deleted when a message that it shows is deleted or changed.")
NOTHING_AHEAD = Phrase("No plan that you can read tells a day in that time; `/browse kind: plans` shows all plans.")
NO_EVENT = Phrase(
    "No event was made: you or I may not, it lies ahead no more, or not everybody may read where it was said."
)
EVENT_DECLINED = Phrase("No event was made, because Discord declined it; try again in a moment.")
EVENT_MADE = Phrase("The event is made. It is deleted when a message that it stands on is deleted or changed.")
NOTHING_KNOWN = Phrase("I don't know: I found nothing on that which everybody here may read.")
HOW_TO_ASK = Phrase(
    "Ask me a question with my name, and I answer from what everybody here may read; `/ask` answers you alone, and "
    "`/help` shows you what else there is. For example:"
)
TOPIC_QUESTIONS = (
    partial(Phrase, "What came of **{topic}**?"),
    partial(Phrase, "Who said what about **{topic}**?"),
    partial(Phrase, "When was that: **{topic}**?"),
)
"""Questions about what was talked about, each for another topic."""
FIXED_QUESTIONS = (
    Phrase("What did we decide about the next meeting?"),
    Phrase("Where is the link to the timetable?"),
    Phrase("Who knows how to repair a bicycle?"),
)
"""Examples where nothing was talked about yet that may be shown."""
HELP_TITLE = Phrase("Ask me what was said here")
HELP_INTRODUCTION = Phrase("I answer from what you may read, with links to the messages. For example:")
HELP_COMMANDS = Phrase("Commands that you may use")
HELP_MENU = Phrase("right click a message, or press and hold it, and choose Apps")
HELP_BELOW = Phrase("`/channels` lists where I read along; `/privacy policy` tells what is kept, and for how long.")
NOT_LISTENING = Phrase("I am not listening in this channel, so I answer nothing here; `/ask` answers you alone.")
DIGEST_IS_PUBLIC = Phrase(
    "It tells only what everybody who reads that channel may read, and loses a line when the message behind it is "
    "deleted or changed; nothing is posted when nothing happened. `/digest off` ends it."
)
NO_DIGEST = Phrase("No channel gets a digest; `/digest on` begins.")
BELOW_DIGEST = Phrase("`/catchup` tells what concerns you · a line goes when the message behind it does")
STILL_WRITING = Phrase("The answer is still being written; this is what I found so far.")
AFTER = Phrase("After: ")
NOT_ALONE = Phrase("Understood with the question before it")
FROM_A_MODEL = Phrase("Written by a language model from the messages above; check them where it matters")


def may_have_changed(url: str, language: Language) -> str:
    """That a memory may not hold any more, with a link to the newer message that speaks against it."""
    return f"{language.translated(MAY_HAVE_CHANGED)}: [{language.say('newer message')}]({url})"


def not_known(places: Sequence[str]) -> str:
    """That nothing tells the answer, and where it came up."""
    return Phrase("I don't know: what I found does not tell it. It came up here: {places}", places=" · ".join(places))


def searched(window: str) -> str:
    """That a time was given, as it was understood."""
    return Phrase("Searched only what was said {window}.", window=window)


def no_answer(why: str) -> str:
    """That the hits have to do without an answer."""
    return Phrase("There is no answer, because {why}; this is what I found.", why=why)


def shared_by(user_id: int) -> str:
    """Below what a member let be posted."""
    return Phrase("Asked by {member} · deleted when a message that it shows is", member=f"<@{user_id}>")


def flags_wait(number: int) -> str:
    """That so many memories that the asker flagged are hidden until somebody decides."""
    return Phrase.plural(
        "{number} memory that you flagged: hidden until somebody decides.",
        "{number} memories that you flagged: hidden until somebody decides.",
        number,
    )


def cooldown(seconds: float) -> str:
    """When a command may be used again."""
    return Phrase.plural(
        "That was quick; try again in {number} second.",
        "That was quick; try again in {number} seconds.",
        math.ceil(seconds),
    )


def missing_permissions(names: Sequence[str]) -> str:
    """Which permissions the member lacks, by discord.py's names."""
    wanted = Phrase.joined(", ", [permission_name(name) for name in names])
    return Phrase("You need **{permissions}** for that; ask somebody who has it.", permissions=wanted)


def permission_name(name: str) -> str:
    """The name that a permission has in Discord's clients, by that of discord.py."""
    return _PERMISSIONS.get(name) or name.replace("_", " ").title()


_PERMISSIONS = {
    "manage_guild": Phrase("Manage Server"),
    "manage_messages": Phrase("Manage Messages"),
    "view_channel": Phrase("View Channel"),
    "read_message_history": Phrase("Read Message History"),
    "send_messages": Phrase("Send Messages"),
    "send_messages_in_threads": Phrase("Send Messages in Threads"),
    "connect": Phrase("Connect"),
}

DATABASE_DOWN = Phrase("I can't write that down right now; nothing was changed, so try again in a minute.")


def service_down(service: str) -> str:
    """That something behind the bot does not answer."""
    return Phrase(
        "I can't do that right now, because {service} does not answer; try again in a minute.", service=service
    )


def unexpected(interaction_id: int) -> str:
    """That something went wrong which nobody foresaw, with the number that operators find in the log."""
    return Phrase(
        "Something went wrong; try again, and if it stays so, tell the operator the number {id}.",
        id=str(interaction_id),
    )


def memories(number: int) -> str:
    """So many memories."""
    return Phrase.plural("{number} memory", "{number} memories", number)


def messages(number: int) -> str:
    """So many messages."""
    return Phrase.plural("{number} message", "{number} messages", number)


def channels(number: int) -> str:
    """So many channels."""
    return Phrase.plural("{number} channel", "{number} channels", number)


def left_over(items: int) -> str:
    """That an erasure is not through."""
    return Phrase.plural(
        "{number} item could not be removed yet; run the command again in a minute.",
        "{number} items could not be removed yet; run the command again in a minute.",
        items,
    )


def lacking(names: Sequence[str], place: str) -> str:
    """Which permissions the bot lacks in a place, by their phrases, and what to do."""
    return Phrase(
        "I lack **{permissions}** in {channel}; give me that and try again.",
        permissions=Phrase.joined(", ", names),
        channel=place,
    )


def not_read_yet(number: int) -> str:
    """That the model has not come to so many messages."""
    return Phrase.plural(
        "{number} newer message is not read yet; I read them next",
        "{number} newer messages are not read yet; I read them next",
        number,
    )
