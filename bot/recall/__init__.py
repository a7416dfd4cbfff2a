"""From a question to what was said about it, and nothing that the asker may not read.

Messages and memories are searched by words and by meaning, ranked together and cited. Answers and the catch-up are
made from what recall finds.
"""

from bot.recall.answers.evidence import Source
from bot.recall.answers.service import Answer, Answers, AnswerState, Sentence
from bot.recall.browse import BROWSABLE, BROWSED, Browse
from bot.recall.catchup import CatchUp, Happened
from bot.recall.composition import open_recall
from bot.recall.digest import DigestLines, DigestPeriod, sections_of
from bot.recall.groups import Group, GroupPage, grouped, page_of
from bot.recall.hits import memory_hit
from bot.recall.matched import Matched
from bot.recall.overview import OverviewSection, Part, by_channel, by_kind, pages, without
from bot.recall.patient_responder import PatientResponder
from bot.recall.presenter import Presented, Presenter, Reading, cited_by
from bot.recall.query import RecallQuery, RecallResult
from bot.recall.responder import Answered, Responder
from bot.recall.service import Recall
from bot.recall.talks import AskedQuestion, Talks
from bot.recall.upcoming import Ahead, Upcoming, next_day, times_of

__all__ = [
    "BROWSABLE",
    "BROWSED",
    "Ahead",
    "Answer",
    "AnswerState",
    "Answered",
    "Answers",
    "AskedQuestion",
    "Browse",
    "CatchUp",
    "DigestLines",
    "DigestPeriod",
    "Group",
    "GroupPage",
    "Happened",
    "Matched",
    "OverviewSection",
    "Part",
    "PatientResponder",
    "Presented",
    "Presenter",
    "Reading",
    "Recall",
    "RecallQuery",
    "RecallResult",
    "Responder",
    "Sentence",
    "Source",
    "Talks",
    "Upcoming",
    "by_channel",
    "by_kind",
    "cited_by",
    "grouped",
    "memory_hit",
    "next_day",
    "open_recall",
    "page_of",
    "pages",
    "sections_of",
    "times_of",
    "without",
]
