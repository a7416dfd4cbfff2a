"""Erasing what is kept, everywhere it is kept, and giving members their own data.

Deletions, edits, opt-outs and erasures reach every store, and a scan looks for what is left. What happened while
the bot was away is compared with Discord.
"""

from bot.forget.accounts import DeletedAccounts
from bot.forget.clerk import Clerk
from bot.forget.composition import open_forget, open_without_index, personal_data
from bot.forget.dossier import as_json, as_page
from bot.forget.erasure import Erasure
from bot.forget.later_exports import LaterExports, Vanished
from bot.forget.personal import Dossier, PersonalData, for_eyes_with
from bot.forget.post_sources import OF_SERVER, Glance, Post, lines_of, sources_of
from bot.forget.proof import Receipt
from bot.forget.public_posts import Also, Posts
from bot.forget.reapplying import open_reapplying
from bot.forget.requests import Outcome, Request, Requests, RequestState
from bot.forget.undone import Removing, Undone
from bot.forget.verification import Seen, Verification

__all__ = [
    "OF_SERVER",
    "Also",
    "Clerk",
    "DeletedAccounts",
    "Dossier",
    "Erasure",
    "Glance",
    "LaterExports",
    "Outcome",
    "PersonalData",
    "Post",
    "Posts",
    "Receipt",
    "Removing",
    "Request",
    "RequestState",
    "Requests",
    "Seen",
    "Undone",
    "Vanished",
    "Verification",
    "as_json",
    "as_page",
    "for_eyes_with",
    "lines_of",
    "open_forget",
    "open_reapplying",
    "open_without_index",
    "personal_data",
    "sources_of",
]
