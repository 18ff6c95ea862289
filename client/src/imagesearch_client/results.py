"""What searches find, and vectors: as dataclasses, arrays, data frames, and pictures in notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from imagesearch_client.arrays import float_array
from imagesearch_client.dataframes import to_dataframe
from imagesearch_client.explanations import Regions
from imagesearch_client.fields import Fields
from imagesearch_client.galleries import Gallery, Tile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Result:
    """Name one picture that a search found."""

    id: int
    path: str
    url: str | None
    distance: float
    """1 - cosine, in 0..1: smaller is more similar."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    width: int | None = None
    """This field and those below are None unless they were asked for."""
    height: int | None = None
    size_bytes: int | None = None
    format: str | None = None
    thumbnail_url: str | None = None
    regions: Regions | None = None
    """Where its similarity to the query, which is the first of the two, comes from."""
    key: str | None = None
    """Your own id of it."""
    vector: tuple[float, ...] | None = None
    """Of length 1, if it was asked for."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a result from JSON. Raises ProtocolError."""
        fields = Fields(value, "a search result")
        return cls(
            id=fields.integer("id"),
            path=fields.text("path"),
            url=fields.optional_text("url"),
            distance=fields.number("distance"),
            metadata=fields.mapping("metadata"),
            width=fields.optional_integer("width"),
            height=fields.optional_integer("height"),
            size_bytes=fields.optional_integer("bytes"),
            format=fields.optional_text("format"),
            thumbnail_url=fields.optional_text("thumbnail_url"),
            regions=Regions.parse(fields.mapping("regions")) if "regions" in fields else None,
            key=fields.optional_text("key"),
            vector=tuple(map(float, fields.items("vector"))) if "vector" in fields else None,
        )

    def _tile(self) -> Tile:
        return Tile.linked(self.thumbnail_url or self.url, f"{self.distance:.4f}", self.path)

    def _repr_html_(self) -> str:
        return Gallery((self._tile(),))._repr_html_()


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hold the answer to one search, nearest first."""

    results: tuple[Result, ...]
    took_ms: Mapping[str, float]
    """Milliseconds per stage."""
    plan: Mapping[str, Any] | None = None
    """How the search was done, where ``explain="plan"`` asked for it, as the API tells it."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read an answer to a search from JSON. Raises ProtocolError."""
        fields = Fields(value, "a search")
        took = Fields(fields.mapping("took_ms"), "a search's took_ms")
        return cls(
            results=tuple(Result.parse(result) for result in fields.items("results")),
            took_ms={stage: took.number(stage) for stage in took.raw()},
            plan=fields.mapping("plan") if "plan" in fields else None,
        )

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def __getitem__(self, index: int) -> Result:
        return self.results[index]

    def to_dataframe(self, library: str | None = None) -> Any:
        """Return the results as a data frame of pandas or polars; see `to_dataframe` of this package."""
        return to_dataframe(self.results, library)

    def to_numpy(self) -> NDArray[np.float32]:
        """Return the vectors of the results, float32 of shape (results, numbers).

        Raises:
            ClientError: ``include=["vector"]`` has not asked for them, or numpy is not there.
        """
        return float_array([result.vector for result in self.results])

    def _repr_html_(self) -> str:
        return Gallery(tuple(result._tile() for result in self.results))._repr_html_()


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Hold the vectors of pictures, in their order."""

    model: str
    """The network with its pooling and weights: vectors of another cannot be compared."""
    vectors: tuple[tuple[float, ...], ...]
    """Each of length 1."""
    took_ms: Mapping[str, float]
    """Milliseconds per stage."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read vectors from JSON. Raises ProtocolError."""
        fields = Fields(value, "embeddings")
        took = Fields(fields.mapping("took_ms"), "took_ms of embeddings")
        return cls(
            model=fields.text("model"),
            vectors=tuple(tuple(map(float, vector)) for vector in fields.items("vectors")),
            took_ms={stage: took.number(stage) for stage in took.raw()},
        )

    def __len__(self) -> int:
        return len(self.vectors)

    def to_numpy(self) -> NDArray[np.float32]:
        """Return the vectors, float32 of shape (pictures, numbers).

        Raises:
            ClientError: numpy is not there.
        """
        return float_array(self.vectors)
