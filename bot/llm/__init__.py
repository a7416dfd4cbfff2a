"""Language models and embedders by provider, behind two small protocols.

Every call goes through a guard, which limits its rate and time and stops asking a service that is down. The ledger
counts what each call cost.
"""

from bot.llm.base import Before, CompletionRequest, LanguageModel, estimate_tokens
from bot.llm.claims import claim_request, judges_claims, says_yes
from bot.llm.composition import (
    ModelServices,
    answers_at_once,
    flushes_at_once,
    gather_seconds,
    model_stores,
    open_embedder,
    open_models,
)
from bot.llm.costs import CountedCall, Ledger, Usage
from bot.llm.embeddings import FIXED_TEXT, MAX_TEXTS, AbsentEmbedder, Embedder
from bot.llm.fallback import Course, FallbackModel, FallbackStanding
from bot.llm.first_try import Trial, try_services
from bot.llm.loading import load_settings
from bot.llm.ollama import bare_address
from bot.llm.prices import PriceTable
from bot.llm.provider import Download, LoadedModel, Provider
from bot.llm.registry import providers_of
from bot.llm.resilience import PROBE_SECONDS, Breaker, BreakerState, Counters, Guard
from bot.llm.savings import EMBEDDING, Bill, bill, bills_by_day, dollars, estimate
from bot.llm.shared_server import SharedServer, searching
from bot.llm.sifting import Sifted, Sifter
from bot.llm.who_answers import who_answers
from bot.llm.wire import ODD_ANSWERS, Wire

__all__ = [
    "EMBEDDING",
    "FIXED_TEXT",
    "MAX_TEXTS",
    "ODD_ANSWERS",
    "PROBE_SECONDS",
    "AbsentEmbedder",
    "Before",
    "Bill",
    "Breaker",
    "BreakerState",
    "CompletionRequest",
    "CountedCall",
    "Counters",
    "Course",
    "Download",
    "Embedder",
    "FallbackModel",
    "FallbackStanding",
    "Guard",
    "LanguageModel",
    "Ledger",
    "LoadedModel",
    "ModelServices",
    "PriceTable",
    "Provider",
    "SharedServer",
    "Sifted",
    "Sifter",
    "Trial",
    "Usage",
    "Wire",
    "answers_at_once",
    "bare_address",
    "bill",
    "bills_by_day",
    "claim_request",
    "dollars",
    "estimate",
    "estimate_tokens",
    "flushes_at_once",
    "gather_seconds",
    "judges_claims",
    "load_settings",
    "model_stores",
    "open_embedder",
    "open_models",
    "providers_of",
    "says_yes",
    "searching",
    "try_services",
    "who_answers",
]
