"""Settings that are one of a few words."""

from __future__ import annotations

from enum import StrEnum


class LLMProvider(StrEnum):
    """Who runs the extraction model."""

    OLLAMA = "ollama"
    OPENAI = "openai"


class EmbeddingProvider(StrEnum):
    """Who turns text into vectors."""

    OPENAI = "openai"
    OLLAMA = "ollama"
    FASTEMBED = "fastembed"


class OllamaFallback(StrEnum):
    """What is done while Ollama does not answer."""

    QUEUE = "queue"
    OPENAI = "openai"
    SKIP = "skip"


class LogFormat(StrEnum):
    """How log lines look."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
