"""Models made for one question: does this text say that? They have their instructions in themselves.

Bespoke-MiniCheck (`bespoke-minicheck` in Ollama's library) takes a document and a claim and answers Yes or No; nothing
else can be asked of it. See https://ollama.com/library/bespoke-minicheck.
"""

from __future__ import annotations

from bot.llm.base import Before, CompletionRequest

CLAIM_MODELS = frozenset({"bespoke-minicheck"})
ANSWER_TOKENS = 4


def judges_claims(model: str) -> bool:
    """Whether a model of this name answers nothing but whether a document says a claim."""
    return model.rpartition("/")[2].partition(":")[0].casefold() in CLAIM_MODELS


def claim_request(document: str, claim: str, purpose: str, before: Before | None = None) -> CompletionRequest:
    """Asks whether a document says a claim.

    Args:
        document: what was said.
        claim: one sentence.
        purpose: what the call is for, in the cost ledger.
        before: see `CompletionRequest`.
    """
    return CompletionRequest(
        system="",
        prompt=f"Document: {document}\nClaim: {claim}",
        schema={},
        max_tokens=ANSWER_TOKENS,
        purpose=purpose,
        before=before,
        enough=lambda _: False,  # some go on after their Yes or No
    )


def says_yes(answer: str) -> bool:
    """Whether the document says the claim, by the model's answer."""
    return answer.strip().casefold().startswith("yes")
