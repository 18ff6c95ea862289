"""Say which metadata the images of a collection have, from a bounded part of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from imagesearch.catalog.engine import Transaction

HEAD = 1_000
"""Images of the beginning that are looked at; a collection of fewer is looked at whole."""
PLACES = 20
"""How many places of a larger collection are looked at besides, evenly over its ids: an import fills one range."""
AT_EACH_PLACE = 50
MAX_FIELDS = 32
MAX_VALUES = 50
"""Values of one field that are told, the most frequent first."""
MAX_VALUE_LENGTH = 200
"""Characters, as JSON: what is longer is a description, and nobody chooses among them."""

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Facet:
    """Describe one field of the images that were looked at.

    Attributes:
        values: its most frequent values, each with how many of those images have it.
        is_capped: whether it has others.
        least: the smallest of its numbers; None where it has none.
    """

    field: str
    images: int
    values: list[tuple[Value, int]]
    is_capped: bool
    least: int | float | None
    greatest: int | float | None


@dataclass(frozen=True, slots=True)
class Facets:
    """Describe the fields of a collection, the most frequent first.

    Attributes:
        looked_at: how many images were looked at.
        is_complete: whether those were all.
    """

    looked_at: int
    is_complete: bool
    facets: list[Facet]


_WITHIN = "collection_id = :collection_id AND state = 'indexed'"
_PARTITION = " AND partition = :partition"
_LAST = "SELECT max(id) FROM images WHERE {within}"
_BEHIND = (
    "SELECT near.id FROM unnest(CAST(:places AS bigint[])) AS place (behind), LATERAL (SELECT id FROM images "
    "WHERE {within} AND id > place.behind ORDER BY id LIMIT :each) AS near"
)
# Field names as filters take them: by any other nobody could filter. Only scalars can be compared.
_FIELDS = (
    "WITH pairs AS (SELECT key, value, count(*) AS images FROM images, jsonb_each(metadata) "
    "WHERE {within} AND id = ANY(CAST(:ids AS bigint[])) AND key ~ '^[A-Za-z_][A-Za-z0-9_.-]{{0,63}}$' "
    "AND jsonb_typeof(value) IN ('string', 'number', 'boolean') AND length(value::text) <= :length "
    "GROUP BY key, value), "
    "numbers AS (SELECT *, CASE WHEN jsonb_typeof(value) = 'number' THEN value END AS number FROM pairs), "
    "fields AS (SELECT key, sum(images) AS all_images, count(*) AS different, "
    "to_jsonb(min(number::numeric)) AS least, to_jsonb(max(number::numeric)) AS greatest FROM numbers "
    "GROUP BY key ORDER BY all_images DESC, key LIMIT :fields) "
    "SELECT fields.*, chosen.value, chosen.images FROM fields, LATERAL (SELECT value, images FROM pairs "
    "WHERE pairs.key = fields.key ORDER BY images DESC, value LIMIT :values) AS chosen "
    "ORDER BY all_images DESC, key, images DESC, value"
)


def facets(tx: Transaction, collection_id: int, partition: str | None) -> Facets:
    """Return the fields and values of a collection's indexed images, or of those of one partition.

    At most `HEAD` + `PLACES` * `AT_EACH_PLACE` rows are read, along an index, whatever the collection's size:
    where those are not all, a value that few images have may be missing.
    """
    within = {"collection_id": collection_id, **({} if partition is None else {"partition": partition})}
    ids = _behind(tx, within, [0], HEAD)
    is_complete = len(ids) < HEAD
    if not is_complete:
        first, last = ids[0], tx.execute(_statement(_LAST, within), within).scalar() or ids[-1]
        ids += _behind(tx, within, [first + (last - first) * at // PLACES for at in range(PLACES)], AT_EACH_PLACE)
    seen = sorted(set(ids))
    return Facets(len(seen), is_complete, _facets(tx, within, seen))


def _statement(text: str, within: dict[str, Any]) -> sa.TextClause:
    return sa.text(text.format(within=_WITHIN + (_PARTITION if "partition" in within else "")))


def _behind(tx: Transaction, within: dict[str, Any], places: list[int], each: int) -> list[int]:
    """Return the first ids behind each of these places."""
    return list(tx.execute(_statement(_BEHIND, within), within | {"places": places, "each": each}).scalars())


def _facets(tx: Transaction, within: dict[str, Any], ids: list[int]) -> list[Facet]:
    # The images are asked for by the same conditions once more: one may have moved to another partition meanwhile.
    bounds = {"ids": ids, "length": MAX_VALUE_LENGTH, "fields": MAX_FIELDS, "values": MAX_VALUES}
    rows = tx.execute(_statement(_FIELDS, within), within | bounds).all()
    found = []
    for field, group in groupby(rows, key=lambda row: row.key):
        values = list(group)
        first = values[0]
        pairs = [(row.value, row.images) for row in values]
        is_capped = first.different > len(values)
        found.append(Facet(field, int(first.all_images), pairs, is_capped, first.least, first.greatest))
    return found
