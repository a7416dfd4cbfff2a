"""What a server and its members decided: observed channels, rules, consent.

The privacy policy and the audit trail are made from these decisions. Members are kept here by a keyed hash only.
"""

from bot.guilds.audit import Action, AuditEntry, AuditTrail
from bot.guilds.checkpoints import add_channels, move_checkpoints
from bot.guilds.composition import GuildServices, open_guilds, policy_of
from bot.guilds.consent import EVERYWHERE, Consents, SubjectHasher, choice_of
from bot.guilds.digests import Digest, Digests, DigestTaken, Every
from bot.guilds.observation import ChannelRef, Observations, ObservedChannel
from bot.guilds.policy import Policy, days_of, kind_name, lifetimes_in_words
from bot.guilds.rules import ConsentRule, FactsRule, Rules, ServerRules
from bot.guilds.servers import Guilds
from bot.guilds.threads import KnownThread, Threads, family_of
from bot.guilds.warnings import Matter, Warned, Warnings
from bot.guilds.zones import ZoneOf, utc_of, zone_name

__all__ = [
    "EVERYWHERE",
    "Action",
    "AuditEntry",
    "AuditTrail",
    "ChannelRef",
    "ConsentRule",
    "Consents",
    "Digest",
    "DigestTaken",
    "Digests",
    "Every",
    "FactsRule",
    "GuildServices",
    "Guilds",
    "KnownThread",
    "Matter",
    "Observations",
    "ObservedChannel",
    "Policy",
    "Rules",
    "ServerRules",
    "SubjectHasher",
    "Threads",
    "Warned",
    "Warnings",
    "ZoneOf",
    "add_channels",
    "choice_of",
    "days_of",
    "family_of",
    "kind_name",
    "lifetimes_in_words",
    "move_checkpoints",
    "open_guilds",
    "policy_of",
    "utc_of",
    "zone_name",
]
