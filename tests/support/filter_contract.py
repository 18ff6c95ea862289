"""What every vector store makes of a filter, as tests: each store's test classes inherit from these.

A class provides the fixture `store`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagesearch.networks import VGG16
from imagesearch.vectors import Filter, IndexSpec, InvalidFilter, VectorStore, matches, parse_filter
from imagesearch.vectors.filters import FIELD_NAME
from support.vector_contract import HOSTILE, found, unit_vectors, write

FIELDS = ["a", "b", "a.b", "x-y", "_z", "missing"]
NUMBERS = [
    0,
    1,
    -1,
    5,
    5.0,
    2.5,
    -2.5,
    1e-320,
    1e300,
    -0.0,
    2**53,
    2**53 + 1,
    2.0**53,
    -(2**63),
    2**63 - 1,
    2.0**63,
]
VALUES = st.one_of(
    st.sampled_from([*NUMBERS, *HOSTILE, True, False]),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
NAMES = st.one_of(st.sampled_from(FIELDS), st.from_regex(FIELD_NAME, fullmatch=True))
PLAIN = VALUES.filter(lambda value: not isinstance(value, bool))
LEAVES = st.one_of(
    st.builds(lambda name: {"exists": name}, NAMES),
    st.builds(lambda name, value: {"eq": [name, value]}, NAMES, VALUES),
    st.builds(lambda name, values: {"in": [name, values]}, NAMES, st.lists(VALUES, min_size=1, max_size=5)),
    st.builds(
        lambda op, name, value: {op: [name, value]}, st.sampled_from(["lt", "le", "gt", "ge"]), NAMES, PLAIN
    ),
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda part: {"not": part}, inner),
        st.builds(
            lambda op, parts: {op: parts}, st.sampled_from(["and", "or"]), st.lists(inner, min_size=1, max_size=4)
        ),
    ),
    max_leaves=12,
)


class FilterContract:
    """A filter leaves the rows that `matches` says."""

    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls, store: VectorStore) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        name, chance = f"c_{uuid4().hex}", np.random.default_rng(3)
        pool: list[Any] = [*NUMBERS, *HOSTILE, None, [1], {"a": 1}, True, False]
        metadata: list[dict[str, Any]] = [{"a": value} for value in pool] + [{}]
        for _ in range(40):
            fields = chance.choice(FIELDS[:-1], chance.integers(1, 5), replace=False)
            metadata.append({str(field): pool[chance.integers(len(pool))] for field in fields})
        metadata.append({"a": "x" * 10_000, "not a field name": 1, "b": 2**70, "x-y": float("nan")})
        store.ensure_collection(name, IndexSpec(), VGG16.dimension)
        write(store, name, list(range(len(metadata))), unit_vectors(30, len(metadata)), metadata=metadata)
        yield name, metadata
        store.drop_collection(name)

    def agree(self, store: VectorStore, rows: tuple[str, list[dict[str, Any]]], where: Filter) -> list[int]:
        name, metadata = rows
        expected = [row_id for row_id, row in enumerate(metadata) if matches(where, row)]
        assert sorted(found(store, name, unit_vectors(30, 1), where=where, limit=500)) == expected
        return expected

    @settings(
        max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(raw=FILTERS)
    def test_any_filter(self, store: VectorStore, rows: tuple[str, list[dict[str, Any]]], raw: Any) -> None:
        self.agree(store, rows, parse_filter(raw))

    def test_every_value_is_found_by_itself(
        self, store: VectorStore, rows: tuple[str, list[dict[str, Any]]]
    ) -> None:
        for value in [*NUMBERS, *HOSTILE, True, False]:
            assert self.agree(store, rows, parse_filter({"eq": ["a", value]}))
            assert self.agree(store, rows, parse_filter({"not": {"eq": ["a", value]}}))

    def test_every_order_is_that_of_the_values(
        self, store: VectorStore, rows: tuple[str, list[dict[str, Any]]]
    ) -> None:
        for value in [*NUMBERS, *HOSTILE]:
            for op in ("lt", "le", "gt", "ge"):
                self.agree(store, rows, parse_filter({op: ["a", value]}))
                self.agree(store, rows, parse_filter({"not": {op: ["a", value]}}))

    def test_the_largest_filters_are_taken(
        self, store: VectorStore, rows: tuple[str, list[dict[str, Any]]]
    ) -> None:
        wide = {"or": [{"eq": ["a", "é" * 100]}, {"in": ["a", [*HOSTILE, *range(235 - len(HOSTILE))]]}]}
        self.agree(store, rows, parse_filter({"not": wide}))
        deep: dict[str, Any] = {"lt": ["a", 1]}
        for level in range(7):
            beside = [{"eq": ["a", level]}] * 15
            deep = {("and", "or")[level % 2]: [*beside, {"not": deep}]}
        self.agree(store, rows, parse_filter({"not": deep}))
        with pytest.raises(InvalidFilter, match="16 deep"):
            parse_filter({"not": {"not": deep}})

    def test_filter_and_partition_hold_together(
        self, store: VectorStore, rows: tuple[str, list[dict[str, Any]]]
    ) -> None:
        name, _ = rows
        query, where = unit_vectors(30, 1), parse_filter({"exists": "a"})
        assert found(store, name, query, where=where, partition="") == found(store, name, query, where=where)
        assert found(store, name, query, where=where, partition="other") == []
