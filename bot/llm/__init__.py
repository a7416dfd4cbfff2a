"""Language models and embedders by provider, behind two small protocols.

Every call goes through a guard, which limits its rate and time and stops asking a service that is down. The ledger
counts what each call cost.
"""

from bot.llm.base import Before, CompletionRequest, LanguageModel, estimate_tokens
from bot.llm.claims import claim_request, judges_claims, says_yes
from bot.llm.composition import ModelServices, answers_at_once, flushes_at_once, model_stores, open_models
from bot.llm.costs import Call, Ledger, PriceTable, Usage, load_prices
from bot.llm.embeddings import (
    FIXED_TEXT,
    MAX_TEXTS,
    AbsentEmbedder,
    Embedder,
    FastEmbedEmbedder,
    OllamaEmbedder,
    OpenAIEmbedder,
    Tally,
)
from bot.llm.fallback import Course, FallbackModel, Standing
from bot.llm.guarded import GuardedEmbedder, embedding_tally
from bot.llm.ollama import (
    FAILURES,
    KEEP_ALIVE,
    LoadedModel,
    close_client,
    digests,
    full_name,
    loaded_models,
    ollama_client,
    pulling,
    translated,
)
from bot.llm.openai import OpenAIModel
from bot.llm.pool import FAILURES_TO_OPEN, Host, Pool, PooledEmbedder
from bot.llm.resilience import PROBE_SECONDS, Breaker, BreakerState, Counters, Guard
from bot.llm.savings import EMBEDDING, Bill, bill, bills_by_day, estimate
from bot.llm.sifting import Sifted, Sifter

__all__ = [
    "EMBEDDING",
    "FAILURES",
    "FAILURES_TO_OPEN",
    "FIXED_TEXT",
    "KEEP_ALIVE",
    "MAX_TEXTS",
    "PROBE_SECONDS",
    "AbsentEmbedder",
    "Before",
    "Bill",
    "Breaker",
    "BreakerState",
    "Call",
    "CompletionRequest",
    "Counters",
    "Course",
    "Embedder",
    "FallbackModel",
    "FastEmbedEmbedder",
    "Guard",
    "GuardedEmbedder",
    "Host",
    "LanguageModel",
    "Ledger",
    "LoadedModel",
    "ModelServices",
    "OllamaEmbedder",
    "OpenAIEmbedder",
    "OpenAIModel",
    "Pool",
    "PooledEmbedder",
    "PriceTable",
    "Sifted",
    "Sifter",
    "Standing",
    "Tally",
    "Usage",
    "answers_at_once",
    "bill",
    "bills_by_day",
    "claim_request",
    "close_client",
    "digests",
    "embedding_tally",
    "estimate",
    "estimate_tokens",
    "flushes_at_once",
    "full_name",
    "judges_claims",
    "load_prices",
    "loaded_models",
    "model_stores",
    "ollama_client",
    "open_models",
    "pulling",
    "says_yes",
    "translated",
]
