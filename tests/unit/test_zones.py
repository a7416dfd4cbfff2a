"""Where the members of a server are: by the server's own choice, or else by the bot's."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from bot.domain.errors import UserError
from bot.guilds.rules import FactsRule, ServerRules
from bot.guilds.zones import Zones, zone_name
from bot.storage.engine import Database
from tests.fixtures.storage import GUILD

BERLIN, TOKYO = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Tokyo")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        (" Berlin ", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("America/New York", "America/New_York"),
        ("utc", "UTC"),
        ("Etc/GMT-2", "Etc/GMT-2"),
    ],
)
def test_a_zone_is_known_by_its_name_or_its_city(text: str, name: str) -> None:
    assert zone_name(text) == name


@pytest.mark.parametrize("text", ["Europe", "Bremen", "../../etc/passwd", "/etc/localtime", "localtime", "x" * 5_000])
def test_what_is_no_zone_is_told_in_one_line(text: str) -> None:
    with pytest.raises(UserError) as told:
        zone_name(text)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 200


def test_what_is_nearly_a_zone_gets_it_proposed() -> None:
    with pytest.raises(UserError, match=r"did you mean Europe/Berlin\?"):
        zone_name("Berlln")


@pytest.mark.both_databases
async def test_a_chosen_zone_holds_in_its_server_alone_and_lasts(database: Database) -> None:
    rules = ServerRules(database)
    zones = Zones(rules, TOKYO)
    assert zones.of(GUILD) == TOKYO
    await rules.set_zone(GUILD, "Europe/Berlin")
    await rules.decide(GUILD, facts=FactsRule.NOBODY)
    restarted = ServerRules(database)
    await restarted.load()
    for each in (zones, Zones(restarted, TOKYO)):
        assert each.of(GUILD) == BERLIN
        assert each.of(GUILD + 1) == TOKYO
    assert restarted.of(GUILD).facts is FactsRule.NOBODY
    await rules.set_zone(GUILD, None)
    assert zones.of(GUILD) == TOKYO


@pytest.mark.parametrize("name", ["Mars/Olympus", "../x", "", "Europe"])
async def test_a_zone_that_this_machine_does_not_know_leaves_the_bots_own(database: Database, name: str) -> None:
    rules = ServerRules(database)
    await rules.set_zone(GUILD, name)
    assert Zones(rules, TOKYO).of(GUILD) == TOKYO
