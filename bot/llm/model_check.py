"""A fixed question that shows whether a model answers by a schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from bot.domain import Finding, Verdict
from bot.llm.base import CompletionRequest

CHECK_SECONDS = 60.0
"""For the sample call."""

SAMPLE: Final = "Count from one to three, in words."
SAMPLE_TOKENS: Final = 64
SAMPLE_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {"words": {"type": "array", "items": {"type": "string", "enum": ["one", "two", "three"]}}},
    "required": ["words"],
    "additionalProperties": False,
}
"""What no model answers of its own accord; extraction needs answers that follow such a schema."""

SAMPLE_REQUEST: Final = CompletionRequest(
    system="", prompt=SAMPLE, schema=SAMPLE_SCHEMA, max_tokens=SAMPLE_TOKENS, purpose="check"
)

OTHER_MODEL = "choose another {setting}; docs/ollama.md names some"


def follows_schema(text: str) -> bool:
    """Whether an answer to `SAMPLE_REQUEST` is what was asked for."""
    try:
        words = json.loads(text)["words"]
        return all(word in SAMPLE_SCHEMA["properties"]["words"]["items"]["enum"] for word in words)
    except (ValueError, KeyError, TypeError):
        return False


def schema_finding(name: str, text: str, setting: str) -> Finding:
    """Whether an answer follows the schema that was asked for."""
    if follows_schema(text):
        return Finding("language model", Verdict.OK, f"{name} follows a JSON schema")
    sentence = f"{name} does not follow a JSON schema, so no memories can be made with it"
    return Finding("language model", Verdict.FAULT, sentence, OTHER_MODEL.format(setting=setting))
