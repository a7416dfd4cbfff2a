"""Sentences that several commands say: what happened, and what to do next."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bot.memories import NOT_FOUND

LINE = 190
"""Characters of one line in a list of twenty, which stays below the 4,000 of a view."""

SERVER_ONLY = "I work in servers only; ask me in a channel of a server that I am in."
NOT_ALLOWED = "You may not do that here; ask somebody who manages this server."
BAD_OPTION = "I couldn't read one of the options; choose it again from the list that Discord offers."
NOT_YOURS = NOT_FOUND
GONE = "This has ended; run the command again."
UNOBSERVED = (
    "This channel is not observed, so nothing of it is remembered; an admin can change that with `/observe on`."
)
OPTED_OUT_SELF = "You opted out, so nothing of yours is kept; `/privacy opt-in` starts again."
NOT_OPTED_IN = "This server keeps only what members who opted in say; `/privacy opt-in` says yes for you."
OPTED_OUT_AUTHOR = "The author of this message does not want to be remembered, so it is left alone."
NOT_A_PERSON = "Only what people say is remembered; this message is from a bot, a webhook or Discord itself."
EMPTY_MESSAGE = "There is nothing in this message that could be remembered; try one with text."
MAY_HAVE_CHANGED = "⚠️ may have changed since"
MESSAGE_STAYS = "The message itself stays in Discord, and in search until it expires."
NONE_SUCH = "None of these memories that you can read here is like that; `/memories` without options shows all."
NOT_COMPARED = "Some of it could not be compared with Discord just now and is left out; ask again in a moment."
NO_SUCH_CHANNEL = "I can't see that channel here; choose one of this server from the list."
NO_FACTS = "This server keeps no facts about members at all, by decision of its admins; nothing has to be switched."
FACTS_ON = (
    "Facts and preferences that you state about yourself here are remembered from now on, in your own words; "
    "`/privacy facts keep: off` ends it."
)
FACTS_OFF = "Nothing more of that kind is remembered; `/memories` shows what is there, to forget it."
NO_MODEL_TO_READ = "No language model is in use here (MEM0_ENABLED=false), so nothing can be read again."
NOTHING_TO_READ = "Nothing that was read before is kept of this server, so there is nothing to read again."
NO_MODEL = "No language model is in use here (MEM0_ENABLED=false), so there is nothing to flush."
CAN_NOT_READ = "You or I can't read the history of this channel, so there is nothing to catch up on here."
NO_PLACE = "Nothing can be posted here, so this is for you alone."
MAY_NOT_WRITE = "You may not write here, so I don't post it for you; this is for you alone."
CAN_NOT_WRITE = "I may not write and read here, so I can't post it; this is for you alone."
NOTHING_TO_SHARE = (
    "Nothing was posted: what I found is nothing that everybody here may read. What follows is for you alone."
)
NOTHING_ON_PAGE = "Nothing was posted: nothing on this page may be read by everybody here."
SHARED = "Posted. It is deleted when a message that it shows is deleted or changed."
NOTHING_AHEAD = "No plan that you can read tells a day in that time; `/browse kind: plans` shows all plans."
NO_EVENT = "No event was made: you or I may not, it lies ahead no more, or not everybody may read where it was said."
EVENT_DECLINED = "No event was made, because Discord declined it; try again in a moment."
EVENT_MADE = "The event is made. It is deleted when a message that it stands on is deleted or changed."
NOTHING_KNOWN = "I don't know: I found nothing on that which everybody here may read."
HOW_TO_ASK = (
    "Ask me a question with my name, and I answer from what everybody here may read; `/ask` answers you alone, and "
    "`/help` shows you what else there is. For example:"
)
TOPIC_QUESTIONS = ("What came of **{topic}**?", "Who said what about **{topic}**?", "When was that: **{topic}**?")
"""Questions about what was talked about, each for another topic."""
FIXED_QUESTIONS = (
    "What did we decide about the next meeting?",
    "Where is the link to the timetable?",
    "Who knows how to repair a bicycle?",
)
"""Examples where nothing was talked about yet that may be shown."""
HELP_TITLE = "### Ask me what was said here\nI answer from what you may read, with links to the messages. For example:"
HELP_COMMANDS = "**Commands that you may use**"
HELP_MENU = "- *{name}* – right click a message, or press and hold it, and choose Apps"
HELP_BELOW = "-# `/channels` lists where I read along; `/privacy policy` tells what is kept, and for how long."
NOT_LISTENING = "I am not listening in this channel, so I answer nothing here; `/ask` answers you alone."
DIGEST_IS_PUBLIC = (
    "It tells only what everybody who reads that channel may read, and loses a line when the message behind it is "
    "deleted or changed; nothing is posted when nothing happened. `/digest off` ends it."
)
NO_DIGEST = "No channel gets a digest; `/digest on` begins."
BELOW_DIGEST = "`/catchup` tells what concerns you · a line goes when the message behind it does"
STILL_WRITING = "The answer is still being written; this is what I found so far."
AFTER = "After: "
NOT_ALONE = "Understood with the question before it"
FROM_A_MODEL = "Written by a language model from the messages above; check them where it matters"


def not_known(places: Sequence[str]) -> str:
    """That nothing tells the answer, and where it came up."""
    return f"I don't know: what I found does not tell it. It came up here: {' · '.join(places)}"


def no_answer(why: str) -> str:
    """That the hits have to do without an answer."""
    return f"There is no answer, because {why}; this is what I found."


def shared_by(user_id: int) -> str:
    """Below what a member let be posted."""
    return f"Asked by <@{user_id}> · deleted when a message that it shows is"


def flags_wait(number: int) -> str:
    """That so many memories that the asker flagged are hidden until somebody decides."""
    return f"{count(number, 'memory')} that you flagged: hidden until somebody decides."


def cooldown(seconds: float) -> str:
    """When a command may be used again."""
    whole = math.ceil(seconds)
    return f"That was quick; try again in {whole} second{'s' if whole != 1 else ''}."


def missing_permissions(names: Sequence[str]) -> str:
    """Which permission the member lacks."""
    wanted = " and ".join(name.replace("_", " ").replace("guild", "server").title() for name in names)
    return f"You need **{wanted}** for that; ask somebody who has it."


DATABASE_DOWN = "I can't write that down right now; nothing was changed, so try again in a minute."


def service_down(service: str) -> str:
    """That something behind the bot does not answer."""
    return f"I can't do that right now, because {service} does not answer; try again in a minute."


def unexpected(interaction_id: int) -> str:
    """That something went wrong which nobody foresaw, with the number that operators find in the log."""
    return f"Something went wrong; try again, and if it stays so, tell the operator the number {interaction_id}."


def count(number: int, noun: str) -> str:
    """A number with its noun, such as "1 memory" or "2 memories"."""
    if number == 1:
        return f"1 {noun}"
    plural = noun[:-1] + "ies" if noun.endswith("y") and noun[-2] not in "aeou" else noun + "s"
    return f"{number:,} {plural}"


def not_read_yet(number: int) -> str:
    """That the model has not come to so many messages."""
    return f"{count(number, 'newer message')} {'is' if number == 1 else 'are'} not read yet; I read them next"
