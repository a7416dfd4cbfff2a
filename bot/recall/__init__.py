"""Recall: from a question to what was said about it, and nothing that the asker may not read."""

from bot.recall.query import RecallQuery, RecallResult
from bot.recall.service import Recall

__all__ = ["Recall", "RecallQuery", "RecallResult"]
