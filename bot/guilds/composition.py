"""Opens what servers and members decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo

from bot.domain import Clock
from bot.guilds.audit import AuditTrail
from bot.guilds.consent import Consents, SubjectHasher
from bot.guilds.digests import Digests
from bot.guilds.observation import Observations
from bot.guilds.policy import Policy
from bot.guilds.servers import Guilds
from bot.guilds.threads import Threads
from bot.guilds.warnings import Warnings
from bot.guilds.zones import Zones
from bot.llm import providers_of
from bot.settings import Settings
from bot.storage import Database, ErasureLines, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class GuildServices:
    """What servers and members decided.

    Attributes:
        guilds: servers that the bot is or was in.
        observations: which channels are observed.
        threads: public threads with their parents.
        consents: what members allow, and the rules of servers.
        hasher: makes the keyed hashes by which members are known here.
        audit: who decided and erased what.
        digests: which channels get a digest, and when.
        warnings: where admins are warned, and what of.
        policy: what members are told of all that, as the settings in force have it.
        zones: the time zone of each server.
        stores: what this package keeps.
    """

    guilds: Guilds
    observations: Observations
    threads: Threads
    consents: Consents
    hasher: SubjectHasher
    audit: AuditTrail
    digests: Digests
    warnings: Warnings
    policy: Policy
    zones: Zones
    stores: tuple[Store, ...]


async def open_guilds(settings: Settings, db: Database, clock: Clock) -> GuildServices:
    """Read the decisions that are kept in the database."""
    await ErasureLines(db, clock).begin()
    services = guild_services(db, await SubjectHasher.load(db), clock, policy_of(settings), settings.zone)
    await services.consents.load()
    await services.observations.load()
    return services


def guild_services(
    db: Database, hasher: SubjectHasher, clock: Clock, policy: Policy, zone: tzinfo = UTC
) -> GuildServices:
    """The services, before anything is read; `zone` holds for servers that chose none."""
    consents, observations = Consents(db, hasher, clock), Observations(db, clock)
    guilds, audit, digests = Guilds(db, clock), AuditTrail(db, clock), Digests(db, clock)
    warnings = Warnings(db, clock)
    return GuildServices(
        guilds=guilds,
        observations=observations,
        threads=Threads(db),
        consents=consents,
        hasher=hasher,
        audit=audit,
        digests=digests,
        warnings=warnings,
        policy=policy,
        zones=Zones(consents.rules, zone),
        stores=(guilds, observations, consents, consents.rules, audit, digests, warnings),
    )


def policy_of(settings: Settings) -> Policy:
    """What members are told, from the settings in force."""
    providers = providers_of(settings)
    model, embedder, substitute = (
        providers.model(settings),
        providers.embedder(settings),
        providers.substitute(settings) if settings.mem0_enabled else None,
    )
    language_model = f"{model.title}, {model.model}"
    if substitute is not None:
        language_model += f", or {substitute.title}, {substitute.model}, while that does not answer"
    return Policy(
        retention_days=settings.message_retention_days,
        remembers=settings.mem0_enabled,
        language_model=language_model,
        language_model_outside=model.is_outside or (substitute is not None and substitute.is_outside),
        embeddings=f"{embedder.title}, {embedder.model}",
        embeddings_outside=embedder.is_outside,
        embeds_messages=settings.embed_messages,
        encrypted=settings.data_key is not None,
    )
