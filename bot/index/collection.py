"""The collection of a generation on a Qdrant server: how it is laid out, and the alias that names the one in use.

The alias has the name that mem0's configuration carries (`COLLECTION`), so whatever reads the memories by that name
reads the generation in use. A plain collection of that name, which earlier versions or another program made, keeps the
name: Qdrant lets no alias have it. It stays in use, where it is ours, until the index is filled anew.
"""

from __future__ import annotations

from typing import Final

from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from bot.domain import StartupError
from bot.index import points
from bot.index.layout import Layout
from bot.index.points import COLLECTION, Filters, other_size

TENANT_LINKS: Final = 16
"""Links of a point to others of its guild; Qdrant's own default for a graph."""


def collection_of(client: QdrantClient, name: str) -> str:
    """The collection that a generation is in: the first one is where earlier versions put it, if they did."""
    return COLLECTION if name == f"{COLLECTION}_1" and COLLECTION in names(client) else name


def names(client: QdrantClient) -> set[str]:
    """The collections that there are; aliases are not among them."""
    return {collection.name for collection in client.get_collections().collections}


def lay_out(client: QdrantClient, name: str, dims: int, layout: Layout) -> None:
    """Make the collection if it is not there, and the payload indexes that it lacks.

    Raises:
        StartupError: its vectors are of another size or kind.
    """
    if name not in names(client):
        try:
            _create(client, name, dims, layout)
        except UnexpectedResponse:
            if name not in names(client):
                raise  # or else another process that starts at this moment was faster
    described = client.get_collection(name)
    vectors = described.config.params.vectors
    if not isinstance(vectors, models.VectorParams):
        raise StartupError(
            f"the collection {name} on MEM0_QDRANT_HOST or MEM0_QDRANT_URL was made by another program "
            "for vectors of another kind: name another Qdrant server"
        )
    if vectors.size != dims:
        raise StartupError(other_size(dims, vectors.size or 0, f"the collection {name}"))
    for field, wanted in _indexes().items():
        existing = described.payload_schema.get(field)
        if existing is None or not _covers(existing.params, wanted):
            client.create_payload_index(name, field, wanted, wait=True)


def layout_of(client: QdrantClient, name: str) -> Layout:
    """How a collection that is there is spread."""
    params = client.get_collection(name).config.params
    return Layout(params.shard_number, params.replication_factor, params.write_consistency_factor)


def name_in_use(client: QdrantClient, name: str) -> bool:
    """Have the alias name this collection, in one step for everybody; False where a collection has the alias' name."""
    names_there = names(client)
    if COLLECTION in names_there:
        return False
    if name not in names_there:  # nothing was ever written to it
        return True
    named = {alias.alias_name: alias.collection_name for alias in client.get_aliases().aliases}
    if named.get(COLLECTION) == name:
        return True
    create = models.CreateAlias(collection_name=name, alias_name=COLLECTION)
    actions: list[models.AliasOperations] = [models.CreateAliasOperation(create_alias=create)]
    if COLLECTION in named:
        delete = models.DeleteAlias(alias_name=COLLECTION)
        actions.insert(0, models.DeleteAliasOperation(delete_alias=delete))
    client.update_collection_aliases(actions)
    return True


def clear(client: QdrantClient, name: str) -> None:
    """Remove this program's points, and the collection where it holds nothing else."""
    if name not in names(client):
        return
    ours = equal(points.own())
    everything = client.count(name, exact=True).count
    if everything == client.count(name, count_filter=ours, exact=True).count:
        client.delete_collection(name)
    else:
        client.delete(name, models.FilterSelector(filter=ours))


def equal(filters: Filters) -> models.Filter:
    """Filters that only compare for equality."""
    return models.Filter(
        must=[models.FieldCondition(key=key, match=models.MatchValue(value=value)) for key, value in filters.items()]
    )


def _create(client: QdrantClient, name: str, dims: int, layout: Layout) -> None:
    """With the two vectors that mem0 gives its collections, and a graph for each guild rather than one over all.

    https://qdrant.tech/documentation/manage-data/multitenancy/: every search names its guild, so that a graph over all
    of them would cost time and memory and serve nobody.
    """
    client.create_collection(
        name,
        vectors_config=models.VectorParams(size=dims, distance=models.Distance.COSINE),
        sparse_vectors_config={"bm25": models.SparseVectorParams(modifier=models.Modifier.IDF)},
        hnsw_config=models.HnswConfigDiff(m=0, payload_m=TENANT_LINKS),
        shard_number=layout.shards,
        replication_factor=layout.replicas,
        write_consistency_factor=layout.confirmations,
    )


def _indexes() -> dict[str, models.KeywordIndexParams | models.IntegerIndexParams]:
    """A payload index on every field that searches compare; the guild's alone has a graph of its own.

    mem0 would make some by itself, at each start, and put a plain one in the place of the guild's.
    """
    number = models.IntegerIndexType.INTEGER
    lookup = models.IntegerIndexParams(type=number, lookup=True, range=False, enable_hnsw=False)
    return {
        points.TENANT: models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
        **dict.fromkeys((*points.LOOKUPS, "schema"), lookup),
        points.RANGE: models.IntegerIndexParams(type=number, lookup=False, range=True, enable_hnsw=False),
    }


def _covers(existing: object, wanted: models.KeywordIndexParams | models.IntegerIndexParams) -> bool:
    """Whether an index has all that is wanted of it; what a server adds of its own, or does not know, is no matter."""
    described = existing.model_dump(exclude_none=True) if isinstance(existing, type(wanted)) else {}
    asked = wanted.model_dump(exclude_none=True, exclude={"enable_hnsw"})
    return asked.items() <= described.items()
