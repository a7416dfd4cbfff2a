"""Views fit into what Discord takes, in every language: labels, options, modals, and texts of 4,000 characters."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from bot.domain.model import MemoryKind
from bot.guilds.policy import Policy
from bot.guilds.rules import ConsentRule, FactsRule, Rules
from bot.languages import Language
from cogs.forget import FORGET_QUESTION
from cogs.privacy import OPT_OUT_QUESTIONS
from cogs.views.base import OpenViews
from cogs.views.choices import Choice, Offer
from cogs.views.confirm import Confirm
from cogs.views.notice import notice_view
from cogs.views.pages import PER_PAGE, ListPart, Page, PageItem, Pages
from cogs.views.remember import CorrectModal, RememberModal
from cogs.views.settings import SettingsPanel, ZoneModal
from cogs.views.setup import SetupPanel, Step
from tests.fixtures.languages import EACH_CODE, LANGUAGES

MOST = {"label": 80, "placeholder": 150, "title": 45, "description": 100}
MOST_IN_A_MODAL, MOST_OF_AN_OPTION = 45, 100
MOST_TEXT = 4_000
MOST_CONTENT = 2_000
LONG = Policy(
    retention_days=30,
    language_model="OpenAI, " + "m" * 60,
    language_model_outside=True,
    embeddings="OpenAI, " + "e" * 60,
    embeddings_outside=True,
    embeds_messages=True,
)
EVERY_KIND = Rules(
    ConsentRule.OPTED_IN, FactsRule.EVERYBODY, {kind: 30 + n for n, kind in enumerate(MemoryKind)}, "Europe/Berlin"
)


def asked(language: Language) -> Any:  # noqa: ANN401 - stands in for discord.Interaction
    client = SimpleNamespace(languages=LANGUAGES, waiting=OpenViews())
    return SimpleNamespace(user=SimpleNamespace(id=1), client=client, locale=language.code)


async def never(*_: object) -> Any:  # noqa: ANN401 - never called
    raise AssertionError


def pages(interaction: Any) -> Iterator[Pages]:  # noqa: ANN401
    source: Any = SimpleNamespace(page=never)
    offers = tuple(Offer("1", choice) for choice in (Choice.REPLACE_NAME, Choice.FLAG))
    item = PageItem(text="t", caption="c", url="https://discord.com", memory_id="1", event_of="1", correctable=True)
    others = PageItem(text="t", caption="c", url="https://discord.com", offers=offers)
    parts = (ListPart("About me", None), ListPart("To decide", source))
    actions: Any = SimpleNamespace()
    for dense in (True, False):
        page = Page(title="t", items=(item, others), number=99, pages=1_000, weaker=9_999, dense=dense, parts=parts)
        yield Pages(interaction, source, page, actions, share=never, make_event=never)
    assert len((item, others)) <= PER_PAGE


def settings(interaction: Any) -> Iterator[Any]:  # noqa: ANN401
    yield SettingsPanel(
        interaction, rules=EVERY_KIND, own_zone="Europe/Berlin", warnings=1, change=never, read_again=never, reading=""
    )
    for step in Step:
        panel = SetupPanel(
            interaction,
            text=lambda step: step.value,
            observed=lambda: (),
            choose=never,
            rules=EVERY_KIND,
            change=never,
            require=lambda _: None,
        )
        panel._step = step
        panel.clear_items()
        panel._fill()
        yield panel


def parts_of(component: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield component
    inside = [*component.get("components", ()), *component.get("options", ())]
    for part in (*inside, *filter(None, (component.get("accessory"), component.get("component")))):
        yield from parts_of(part)


@pytest.mark.parametrize("code", EACH_CODE)
async def test_labels_options_and_texts_of_views_fit(code: str) -> None:
    interaction = asked(LANGUAGES.of(code))
    questions = [*OPT_OUT_QUESTIONS.values(), FORGET_QUESTION]
    confirms = [Confirm(interaction, question=question, action="Delete everything") for question in questions]
    for view in (*pages(interaction), *settings(interaction), *confirms, notice_view(LANGUAGES.of(code))):
        parts = [part for component in view.to_components() for part in parts_of(component)]
        assert sum(len(part.get("content", "")) for part in parts) <= MOST_TEXT
        for part in parts:
            is_option = "value" in part
            for field, most in MOST.items():
                assert len(part.get(field) or "") <= (MOST_OF_AN_OPTION if is_option else most), part


@pytest.mark.parametrize("code", EACH_CODE)
async def test_titles_and_questions_of_modals_fit(code: str) -> None:
    interaction = asked(LANGUAGES.of(code))
    modals = [
        RememberModal(interaction, never),
        CorrectModal(interaction, "text", never),
        ZoneModal(interaction, "Europe/Berlin", never),
    ]
    for modal in modals:
        payload = modal.to_dict()
        assert len(payload["title"]) <= MOST_IN_A_MODAL
        for part in (part for component in payload["components"] for part in parts_of(component)):
            assert len(part.get("label") or "") <= MOST_IN_A_MODAL, part
            assert len(part.get("description") or "") <= MOST["description"], part


@pytest.mark.parametrize("code", EACH_CODE)
def test_the_policy_and_the_longest_notices_fit(code: str) -> None:
    language = LANGUAGES.of(code)
    assert len(language.translated(LONG.text(EVERY_KIND))) <= MOST_TEXT
    member = f"<@{2**63 - 1}>"
    for text in (
        LONG.notice(decided_by=member, days_back=30, rules=EVERY_KIND),
        LONG.ended(decided_by=member, since_ms=2**42),
    ):
        assert len(language.translated(text)) <= MOST_CONTENT
