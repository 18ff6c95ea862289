"""Pictures with partitions and metadata, and how the end-to-end tests search among them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from support.drawing import encoded, photo_like
from support.following import ended

SEARCH = "/api/v2/collections/gallery/search"
FOLDERS: list[tuple[str, dict[str, Any]]] = [
    ("anna", {"colour": "red", "year": 1990, "rating": 0.5, "sold": True}),
    ("anna", {"colour": "blue", "year": 2001, "rating": 4, "sold": False}),
    ("bert", {"colour": "red", "year": 2010, "size": {"in": "cm"}}),
    ("bert", {"colour": "green", "year": 2010.5, "sold": True}),
    ("", {}),
]
PER_FOLDER = 8


@dataclass(frozen=True)
class Gallery:
    """Pictures by path, each with its partition and metadata."""

    pictures: dict[str, tuple[str, dict[str, Any]]]

    def path(self, index: int) -> Path:
        return Path(sorted(self.pictures)[index])


def fill(http: httpx.Client, folder: Path) -> Gallery:
    """Index forty pictures into the collection `gallery`, some with a partition and metadata."""
    pictures: dict[str, tuple[str, dict[str, Any]]] = {}
    for number, (partition, metadata) in enumerate(FOLDERS):
        part = folder / str(number)
        part.mkdir(parents=True)
        for index in range(PER_FOLDER):
            path = part / f"{index}.png"
            photo_like(1000 + number * 100 + index).save(path)
            pictures[str(path)] = (partition, metadata)
        body = {"source": str(part), "collection": "gallery", "partition": partition, "metadata": metadata}
        job = ended(http, http.post("/api/v2/jobs", json=body).json()["id"])
        assert job["indexed"] == PER_FOLDER, job
    return Gallery(pictures)


def ask(http: httpx.Client, question: dict[str, Any]) -> list[dict[str, Any]]:
    response = http.post(SEARCH, json=question)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["results"]
    return found


def upload(http: httpx.Client, *pictures: bytes, **fields: Any) -> dict[str, Any]:
    response = http.post(SEARCH, files=[("image", picture) for picture in pictures], data=fields)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def ids(found: list[dict[str, Any]]) -> list[int]:
    return [one["id"] for one in found]


def alike(some: list[dict[str, Any]], others: list[dict[str, Any]]) -> bool:
    """Tell whether two answers are one but for the last bits: several at once are summed in another order."""
    by_id = {row["id"]: row["distance"] for row in others}
    return set(ids(some)) == set(by_id) and all(abs(one["distance"] - by_id[one["id"]]) < 2e-3 for one in some)


def all_of(http: httpx.Client, **question: Any) -> list[dict[str, Any]]:
    picture = {"image_id": upload(http, encoded(photo_like(1000), "PNG"), top_k="1")["results"][0]["id"]}
    return ask(http, {**picture, "top_k": 1000, **question})
