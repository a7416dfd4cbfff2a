"""Writes the documents that are made from the code: `make documents`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from textwrap import indent
from typing import Any, Final

from bot.guilds.composition import policy_of
from bot.llm import Bill, dollars, estimate
from bot.llm.loading import load_settings
from bot.llm.providers import PROVIDERS
from bot.settings.documents import environment_file, settings_table

ROOT = Path(__file__).parents[1]
SETTINGS_PAGE = ROOT / "docs" / "settings.md"
ALERTS = ROOT / "deploy/prometheus/alerts.yml"
KUBERNETES_RULES = ROOT / "deploy/k8s/monitoring/rules.yaml"
RULES_HEAD = """\
# The rules of ../../prometheus/alerts.yml for the Prometheus operator; made by `make documents`.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: channel-memory
  labels: {app.kubernetes.io/name: channel-memory}
spec:
"""


COST_PAGES: Final = tuple(ROOT / page for page in ("README.md", "docs/costs.md", "docs/limits.md"))
"""What shows the table of costs."""

DAYS_A_MONTH: Final = 30
MESSAGES_A_DAY: Final = (100, 10_000, 100_000)
SETUPS: Final[Mapping[str, Mapping[str, Any]]] = {
    "all at OpenAI": {"mem0_llm_provider": "openai", "openai_api_key": "k"},
    "hybrid": {"openai_api_key": "k"},
    "all at home": {"embedding_provider": "ollama"},
}

_COSTS_HEAD: Final = "| messages a day |"
_CLAIM: Final = re.compile(r"10,000 messages a day cost .*?electricity\.", re.DOTALL)


def settings_page(page: str) -> str:
    """The page of settings with the table of the code in place of its own."""
    before, table = page.split("| setting |", 1)
    after = table.partition("\n\n")[2]
    return before + settings_table(PROVIDERS.settings_type) + (f"\n{after}" if after else "")


def kubernetes_rules() -> str:
    """The alert rules as the Prometheus operator takes them."""
    _, _, groups = ALERTS.read_text(encoding="utf-8").partition("groups:\n")
    return RULES_HEAD + indent("groups:\n" + groups, "  ")


def likely(messages: int, setup: str) -> Bill:
    """What `python -m bot costs` says of so many messages a day."""
    settings = load_settings(None, **SETUPS[setup])
    model, embedder = PROVIDERS.model(settings), PROVIDERS.embedder(settings)
    return estimate(
        messages,
        prices=PROVIDERS.prices(settings),
        llm=(model.label, model.model),
        embedder=(embedder.label, embedder.model),
    )


def costs_table() -> str:
    """What messages ask of the models in a day, and what that costs in a month."""
    head = [_COSTS_HEAD, "calls |", "tokens of the model |", "tokens embedded |", "a card works |"]
    lines = [" ".join([*head, *(f"{setup}, a month |" for setup in SETUPS)]), "|---" * (len(head) + len(SETUPS)) + "|"]
    for messages in MESSAGES_A_DAY:
        bills = [likely(messages, setup) for setup in SETUPS]
        work = bills[1]
        asked = [f"{number:,}" for number in (messages, work.calls, work.tokens, work.embedding_tokens)]
        lines.append(f"| {' | '.join([*asked, f'{work.seconds / 60:.1f} min', *map(_a_month, bills)])} |")
    return "\n".join(lines) + "\n"


def costs_claim() -> str:
    """What README says first of all."""
    month = likely(10_000, "hybrid")
    fees, electricity = (dollars(DAYS_A_MONTH * amount) for amount in (month.spent, month.electricity))
    return f"10,000 messages a day cost {fees} a month in fees and {electricity} in electricity."


def _a_month(day: Bill) -> str:
    fees, electricity = (dollars(DAYS_A_MONTH * amount) for amount in (day.spent, day.electricity))
    return fees if not day.electricity else f"{fees} + {electricity} electricity"


def costs_page(page: str) -> str:
    """A page with the table and the claim of the code in place of its own."""
    before, table = page.split(_COSTS_HEAD, 1)
    after = table.partition("\n\n")[2]
    return _CLAIM.sub(lambda _: costs_claim(), before) + costs_table() + (f"\n{after}" if after else "")


def main() -> None:
    """Write all of them."""
    (ROOT / ".env.example").write_text(environment_file(PROVIDERS.settings_type), encoding="utf-8")
    (ROOT / "PRIVACY.md").write_text(policy_of(load_settings(None)).document(), encoding="utf-8")
    KUBERNETES_RULES.write_text(kubernetes_rules(), encoding="utf-8")
    for page in COST_PAGES:
        page.write_text(costs_page(page.read_text(encoding="utf-8")), encoding="utf-8")
    SETTINGS_PAGE.write_text(settings_page(SETTINGS_PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
