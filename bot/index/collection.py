"""The collection of a generation on a Qdrant server: its name, how it is laid out, and the alias of the one in use.

A collection has the id of its installation in its name. One that an earlier version made has none; it is taken over
once (see `adopt`), keeps its name, and carries the id in its mark. The alias `discord_memories`, the name that mem0's
configuration carries, belongs to the first installation on the server; a further one has `discord_memories_<id>`. It
is made with the first collection and never taken from another. A plain collection of the alias' name keeps the name,
for Qdrant lets no alias have it: where it is ours, until the index is filled anew.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from qdrant_client import models
from qdrant_client.http.exceptions import UnexpectedResponse

from bot.domain import StartupError
from bot.index import points
from bot.index.layout import Home, Layout
from bot.index.marks import Mark, mark_of, owner_of, put_mark
from bot.index.points import COLLECTION, OWNER, PAGE, Filters, other_size

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

TENANT_LINKS: Final = 16
"""Links of a point to others of its guild; Qdrant's own default for a graph."""


_NAME: Final = re.compile(rf"{COLLECTION}(?:_[0-9a-f]{{12}})?(?:_(?P<number>\d{{1,9}}))?")
"""A collection, with an id or as earlier versions named it."""


def collection_of(client: QdrantClient, owner: str, number: int) -> str:
    """The collection of an installation's generation, which may have been taken over from an earlier version."""
    own = f"{COLLECTION}_{owner}_{number}"
    existing = names(client)
    if own in existing:
        return own
    return next((name for name in _earlier(number) if name in existing and owner_of(client, name) == owner), own)


def collections_of(client: QdrantClient, owner: str) -> dict[int, str]:
    """All collections of an installation, by the numbers of their generations."""
    numbers = {
        int(named["number"] or 1)
        for name in names(client)
        if (named := _NAME.fullmatch(name)) is not None and owner_of(client, name) == owner
    }
    return {number: collection_of(client, owner, number) for number in numbers}


def names(client: QdrantClient) -> set[str]:
    """The collections that there are; aliases are not among them."""
    return {collection.name for collection in client.get_collections().collections}


def unowned(client: QdrantClient, number: int) -> str | None:
    """A collection that an earlier version made for this generation of some installation, and that nobody took over."""
    existing = names(client)
    return next((name for name in _earlier(number) if name in existing and _has_unowned(client, name)), None)


def have_collection(
    client: QdrantClient, home: Home, number: int, dims: int, layout: Layout, *, fresh: bool = False
) -> str:
    """Have a generation's collection, laid out as this version wants it, and the installation's alias; its name.

    It is made, or taken over from an earlier version, where it does not exist; `fresh` empties it.

    Raises:
        StartupError: its vectors are of another size or kind.
    """
    name = collection_of(client, home.owner, number)
    if name not in names(client):
        name = adopt(client, home, number, dims) or name
    if fresh:
        clear(client, home.owner, name)
    lay_out(client, name, dims, layout)
    have_alias(client, home.owner, name)
    return name


def adopt(client: QdrantClient, home: Home, number: int, dims: int) -> str | None:
    """Take over the collection that an earlier version made, where most of its points are this database's; its name.

    Points that the database does not know stay as they are: they may be another installation's, which shared it.
    """
    name = unowned(client, number)
    if name is None:
        return None
    ids, following = _page(client, name, None)
    if 2 * len(home.knows(ids)) <= len(ids):
        return None
    check_fits(client, name, dims)
    put_mark(client, name, Mark(home.owner), dims)
    while True:
        if ours := sorted(home.knows(ids)):
            client.set_payload(name, {OWNER: home.owner}, points=[*ours], wait=True)
        if following is None:
            return name
        ids, following = _page(client, name, following)


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
    check_fits(client, name, dims)
    schema = client.get_collection(name).payload_schema
    for field, wanted in _indexes().items():
        existing = schema.get(field)
        if existing is None or not _covers(existing.params, wanted):
            client.create_payload_index(name, field, wanted, wait=True)


def layout_of(client: QdrantClient, name: str) -> Layout:
    """How a collection that is there is spread."""
    params = client.get_collection(name).config.params
    return Layout(params.shard_number, params.replication_factor, params.write_consistency_factor)


def have_alias(client: QdrantClient, owner: str, name: str) -> None:
    """Give the installation's first collection its alias."""
    alias, named = _alias(client, owner)
    if alias is not None and alias not in named:
        _name(client, alias, name, named)


def name_in_use(client: QdrantClient, owner: str, name: str) -> bool:
    """Have the alias name this collection, in one step for everybody; False where one of ours has the alias' name."""
    if name not in names(client):  # nothing was ever written to it
        return True
    alias, named = _alias(client, owner)
    if alias is None:
        return False
    if named.get(alias) != name:
        _name(client, alias, name, named)
    return True


def clear(client: QdrantClient, owner: str, name: str) -> None:
    """Remove an installation's points, and the collection where it holds nothing else."""
    if name not in names(client):
        return
    ours = equal({OWNER: owner})
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


def without_owner() -> models.IsEmptyCondition:
    """Points that carry no id of an installation."""
    return models.IsEmptyCondition(is_empty=models.PayloadField(key=OWNER))


def _earlier(number: int) -> Sequence[str]:
    """How earlier versions named the collection of a generation."""
    return (f"{COLLECTION}_{number}", COLLECTION) if number == 1 else (f"{COLLECTION}_{number}",)


def _has_unowned(client: QdrantClient, name: str) -> bool:
    return mark_of(client, name) is None and bool(_page(client, name, None)[0])


def _page(client: QdrantClient, name: str, after: str | None) -> tuple[list[str], str | None]:
    """Points of this program that carry no id; a server may refuse to filter by a field that it has no index of."""
    records, following = client.scroll(
        name, scroll_filter=equal(points.own()), offset=after, limit=PAGE, with_payload=[OWNER]
    )
    ids = [str(record.id) for record in records if not (record.payload or {}).get(OWNER)]
    return ids, None if following is None else str(following)


def check_fits(client: QdrantClient, name: str, dims: int) -> None:
    """See that a collection that is there takes vectors of `dims` numbers.

    Raises:
        StartupError: its vectors are of another size or kind.
    """
    vectors = client.get_collection(name).config.params.vectors
    if not isinstance(vectors, models.VectorParams):
        raise StartupError(
            f"the collection {name} on MEM0_QDRANT_HOST or MEM0_QDRANT_URL was made by another program "
            "for vectors of another kind: name another Qdrant server"
        )
    if vectors.size != dims:
        raise StartupError(other_size(dims, vectors.size or 0, f"the collection {name}"))


def _alias(client: QdrantClient, owner: str) -> tuple[str | None, dict[str, str]]:
    """The alias that an installation has or is to have, None where its own collection has the name; and all there are.

    Who has one of its own by now stays with it, also where the first installation's is gone for a while.
    """
    named = {alias.alias_name: alias.collection_name for alias in client.get_aliases().aliases}
    own = f"{COLLECTION}_{owner}"
    if own in named:
        return own, named
    if COLLECTION in named:
        return (COLLECTION if owner_of(client, named[COLLECTION]) == owner else own), named
    if COLLECTION in names(client):
        return (None if owner_of(client, COLLECTION) == owner else own), named
    return COLLECTION, named


def _name(client: QdrantClient, alias: str, name: str, named: dict[str, str]) -> None:
    create = models.CreateAlias(collection_name=name, alias_name=alias)
    actions: list[models.AliasOperations] = [models.CreateAliasOperation(create_alias=create)]
    if alias in named:
        delete = models.DeleteAlias(alias_name=alias)
        actions.insert(0, models.DeleteAliasOperation(delete_alias=delete))
    client.update_collection_aliases(actions)


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
        OWNER: models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, enable_hnsw=False),
        **dict.fromkeys((*points.LOOKUPS, "schema"), lookup),
        points.RANGE: models.IntegerIndexParams(type=number, lookup=False, range=True, enable_hnsw=False),
    }


def _covers(existing: object, wanted: models.KeywordIndexParams | models.IntegerIndexParams) -> bool:
    """Whether an index has all that is wanted of it; what a server adds of its own, or does not know, is no matter."""
    described = existing.model_dump(exclude_none=True) if isinstance(existing, type(wanted)) else {}
    asked = wanted.model_dump(exclude_none=True, exclude={"enable_hnsw"})
    return asked.items() <= described.items()
