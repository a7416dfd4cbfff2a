"""Opens what servers and members decided."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import Clock
from bot.guilds.audit import AuditTrail
from bot.guilds.consent import Consents, SubjectHasher
from bot.guilds.observation import Observations
from bot.guilds.policy import Policy
from bot.guilds.servers import Guilds
from bot.guilds.threads import Threads
from bot.settings import EmbeddingProvider, LLMProvider, Settings
from bot.storage import Database, Store


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
        policy: what members are told of all that, as the settings in force have it.
        stores: what this package keeps.
    """

    guilds: Guilds
    observations: Observations
    threads: Threads
    consents: Consents
    hasher: SubjectHasher
    audit: AuditTrail
    policy: Policy
    stores: tuple[Store, ...]


async def open_guilds(settings: Settings, db: Database, clock: Clock) -> GuildServices:
    """Read the decisions that are kept in the database."""
    services = guild_services(db, await SubjectHasher.load(db), clock, policy_of(settings))
    await services.consents.load()
    await services.observations.load()
    return services


def guild_services(db: Database, hasher: SubjectHasher, clock: Clock, policy: Policy) -> GuildServices:
    """The services, before anything is read."""
    consents, observations = Consents(db, hasher, clock), Observations(db, clock)
    guilds, audit = Guilds(db, clock), AuditTrail(db, clock)
    return GuildServices(
        guilds=guilds,
        observations=observations,
        threads=Threads(db),
        consents=consents,
        hasher=hasher,
        audit=audit,
        policy=policy,
        stores=(guilds, observations, consents, consents.rules, audit),
    )


PROVIDER_NAMES = {
    EmbeddingProvider.OPENAI: "OpenAI",
    EmbeddingProvider.OLLAMA: "Ollama",
    EmbeddingProvider.FASTEMBED: "FastEmbed",
}


def policy_of(settings: Settings) -> Policy:
    """What members are told, from the settings in force."""
    outside = settings.openai_base_url is None
    ollama = settings.mem0_llm_provider is LLMProvider.OLLAMA
    model = settings.ollama_model if ollama else settings.openai_llm_model
    language_model = f"{'Ollama' if ollama else 'OpenAI'}, {model}"
    substitute = settings.may_fall_back_to_openai
    if substitute:
        language_model += f", or OpenAI, {settings.openai_llm_model}, while that does not answer"
    return Policy(
        retention_days=settings.message_retention_days,
        remembers=settings.mem0_enabled,
        language_model=language_model,
        language_model_outside=(not ollama or substitute) and outside,
        embeddings=f"{PROVIDER_NAMES[settings.embedding_provider]}, {settings.embedding_model}",
        embeddings_outside=settings.embedding_provider is EmbeddingProvider.OPENAI and outside,
        embeds_messages=settings.embed_messages,
        encrypted=settings.data_key is not None,
    )
