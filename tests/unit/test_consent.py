from __future__ import annotations

import pytest
from sqlalchemy import select

from bot.domain.model import MemoryKind
from bot.guilds.consent import Consents, SubjectHasher
from bot.guilds.rules import ConsentRule, FactsRule, Rules, ServerRules
from bot.observe.messagelog import Exclusion, MessageLog
from bot.storage.engine import Database
from bot.storage.schema import consents as table
from tests.fixtures.storage import AUTHOR, GUILD, SaidFactory

pytestmark = pytest.mark.both_databases

OTHER_GUILD = GUILD + 1


async def test_nobody_is_opted_out_or_has_facts_on_at_first(consents: Consents) -> None:
    assert not consents.opted_out(GUILD, AUTHOR)
    assert not consents.facts(GUILD, AUTHOR)


async def test_an_opt_out_of_one_server_holds_there_alone(consents: Consents) -> None:
    await consents.opt_out(AUTHOR, GUILD)
    assert consents.opted_out(GUILD, AUTHOR)
    assert not consents.opted_out(OTHER_GUILD, AUTHOR)
    assert not consents.opted_out(GUILD, AUTHOR + 1)
    await consents.opt_in(AUTHOR, GUILD)
    assert not consents.opted_out(GUILD, AUTHOR)


async def test_an_opt_out_of_every_server_replaces_earlier_choices(database: Database, consents: Consents) -> None:
    await consents.opt_in(AUTHOR, GUILD)
    await consents.opt_out(AUTHOR, None)
    restarted = Consents(database, consents.hasher)
    await restarted.load()
    for each in (consents, restarted):
        assert each.opted_out(GUILD, AUTHOR)
        assert each.opted_out(OTHER_GUILD, AUTHOR)


async def test_a_later_choice_for_one_server_is_an_exception(consents: Consents) -> None:
    await consents.opt_out(AUTHOR, None)
    await consents.opt_in(AUTHOR, GUILD)
    assert not consents.opted_out(GUILD, AUTHOR)
    assert consents.opted_out(OTHER_GUILD, AUTHOR)


async def test_facts_are_by_server_and_end_with_an_opt_out(consents: Consents) -> None:
    await consents.set_facts(AUTHOR, GUILD, True)
    assert consents.facts(GUILD, AUTHOR)
    assert not consents.facts(OTHER_GUILD, AUTHOR)
    await consents.opt_out(AUTHOR, GUILD)
    assert not consents.facts(GUILD, AUTHOR)
    await consents.set_facts(AUTHOR, GUILD, True)
    assert not consents.facts(GUILD, AUTHOR)
    assert consents.opted_out(GUILD, AUTHOR)
    await consents.opt_in(AUTHOR, GUILD)
    assert not consents.facts(GUILD, AUTHOR)


async def test_facts_for_one_server_do_not_undo_an_opt_out_of_all(consents: Consents) -> None:
    await consents.opt_out(AUTHOR, None)
    await consents.set_facts(AUTHOR, GUILD, True)
    assert consents.opted_out(GUILD, AUTHOR)


async def test_choices_outlive_the_process(database: Database, consents: Consents) -> None:
    await consents.opt_out(AUTHOR, None)
    await consents.opt_in(AUTHOR, GUILD)
    await consents.set_facts(AUTHOR, GUILD, True)
    restarted = Consents(database, await SubjectHasher.load(database))
    await restarted.load()
    assert restarted.opted_out(OTHER_GUILD, AUTHOR)
    assert not restarted.opted_out(GUILD, AUTHOR)
    assert restarted.facts(GUILD, AUTHOR)


async def test_a_choice_is_kept_without_the_members_id(database: Database, consents: Consents) -> None:
    await consents.opt_out(AUTHOR, GUILD)
    async with database.read() as connection:
        (row,) = await connection.execute(select(table))
    assert str(AUTHOR) not in str(row.subject)
    assert row.subject == consents.hasher.subject(AUTHOR)
    assert len(row.subject) == 64


async def test_the_hash_key_is_this_installations_own_and_stays(database: Database) -> None:
    hasher = await SubjectHasher.load(database)
    assert (await SubjectHasher.load(database)).subject(AUTHOR) == hasher.subject(AUTHOR)
    assert hasher.subject(AUTHOR) != hasher.subject(AUTHOR + 1)
    assert hasher.subject(AUTHOR) != SubjectHasher(b"another").subject(AUTHOR)


async def test_a_server_may_keep_only_who_opted_in(consents: Consents) -> None:
    await consents.rules.decide(GUILD, consent=ConsentRule.OPTED_IN)
    assert consents.left_out(GUILD, AUTHOR)
    assert not consents.opted_out(GUILD, AUTHOR)
    assert not consents.left_out(OTHER_GUILD, AUTHOR)
    await consents.set_facts(AUTHOR, GUILD, True)
    assert consents.left_out(GUILD, AUTHOR)  # that was no yes to being kept
    await consents.opt_in(AUTHOR, GUILD)
    assert not consents.left_out(GUILD, AUTHOR)
    assert consents.left_out(GUILD, AUTHOR + 1)
    await consents.opt_out(AUTHOR, None)
    assert consents.left_out(GUILD, AUTHOR)


async def test_whose_facts_are_kept_is_the_servers_rule(consents: Consents) -> None:
    await consents.set_facts(AUTHOR, GUILD, True)
    await consents.rules.decide(GUILD, facts=FactsRule.NOBODY)
    assert not consents.facts(GUILD, AUTHOR)
    await consents.rules.decide(GUILD, facts=FactsRule.EVERYBODY)
    silent, unwilling = AUTHOR + 1, AUTHOR + 2
    await consents.set_facts(unwilling, GUILD, False)
    assert [consents.facts(GUILD, user) for user in (AUTHOR, silent, unwilling)] == [True, True, False]
    await consents.opt_out(silent, GUILD)
    assert not consents.facts(GUILD, silent)


async def test_rules_outlast_the_process_and_change_alone(database: Database, consents: Consents) -> None:
    await consents.rules.decide(GUILD, consent=ConsentRule.OPTED_IN)
    await consents.rules.decide(GUILD, facts=FactsRule.NOBODY)
    await consents.rules.set_lifetime(GUILD, MemoryKind.DECISION, 90)
    await consents.rules.set_lifetime(GUILD, MemoryKind.FACT, None)
    restarted = ServerRules(database)
    await restarted.load()
    for rules in (restarted.of(GUILD), consents.rules.of(GUILD)):
        assert (rules.consent, rules.facts) == (ConsentRule.OPTED_IN, FactsRule.NOBODY)
        assert rules.lifetimes[MemoryKind.DECISION] == 90
        assert rules.lifetimes[MemoryKind.FACT] is None
        assert rules.lifetimes[MemoryKind.PREFERENCE] == 365
    assert restarted.of(OTHER_GUILD) == Rules()


async def test_the_rule_is_looked_up_where_messages_are_stored(
    database: Database, consents: Consents, log: MessageLog, make_said: SaidFactory
) -> None:
    elsewhere = ServerRules(database)  # another process, of which this one's memory knows nothing
    await elsewhere.decide(GUILD, consent=ConsentRule.OPTED_IN)
    await consents.opt_in(AUTHOR + 1, None)
    report = await log.append([make_said(), make_said(author_id=AUTHOR + 1)])
    assert (report.stored, report.refused) == (1, {Exclusion.OPTED_OUT: 1})
