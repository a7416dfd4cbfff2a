"""Writes the documents that are made from the code: `make documents`."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

from bot.guilds.composition import policy_of
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


def settings_page(page: str) -> str:
    """The page of settings with the table of the code in place of its own."""
    before, table = page.split("| setting |", 1)
    after = table.partition("\n\n")[2]
    return before + settings_table(PROVIDERS.settings_type) + (f"\n{after}" if after else "")


def kubernetes_rules() -> str:
    """The alert rules as the Prometheus operator takes them."""
    _, _, groups = ALERTS.read_text(encoding="utf-8").partition("groups:\n")
    return RULES_HEAD + indent("groups:\n" + groups, "  ")


def main() -> None:
    """Write all of them."""
    (ROOT / ".env.example").write_text(environment_file(PROVIDERS.settings_type), encoding="utf-8")
    (ROOT / "PRIVACY.md").write_text(policy_of(load_settings(None)).document(), encoding="utf-8")
    KUBERNETES_RULES.write_text(kubernetes_rules(), encoding="utf-8")
    SETTINGS_PAGE.write_text(settings_page(SETTINGS_PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
