"""Answers as arrays, as data frames, and as pictures in notebooks: whatever is in them is no markup."""

from __future__ import annotations

import sys
from base64 import b64encode
from html.parser import HTMLParser
from types import ModuleType
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from imagesearch_client import ClientError, Embeddings, Image, Result, SearchResult, to_dataframe
from imagesearch_client.galleries import MAX_TILES, Gallery, Tile
from support.fake_api import FakeApi, ok, problem

HOSTILE = "\"'><script>alert(1)</script>&amp;"
URL = "http://api.test/api/v2/images/4/thumbnail?key_id=1&expires=2&signature=3"


def found(**changes: Any) -> Result:
    return Result(**{"id": 4, "path": "/photos/cat.jpg", "url": URL, "distance": 0.25, **changes})


TWO = SearchResult(
    (found(metadata={"year": 2020}, vector=(0.6, 0.8)), found(id=5, metadata={"kind": "cat"}, vector=(1.0, 0.0))),
    {},
)


def test_a_search_is_a_row_of_results() -> None:
    assert [each.id for each in TWO] == [4, 5]
    assert (len(TWO), TWO[1].id) == (2, 5)


def test_vectors_are_arrays() -> None:
    embedded = Embeddings("vgg16", ((0.6, 0.8), (1.0, 0.0)), {})
    for vectors in (TWO.to_numpy(), embedded.to_numpy()):
        assert vectors.dtype == np.float32
        assert vectors.tolist() == np.array([[0.6, 0.8], [1.0, 0.0]], np.float32).tolist()
    assert len(embedded) == 2
    assert SearchResult((), {}).to_numpy().shape == (0, 0)


def test_vectors_that_were_not_asked_for_are_named() -> None:
    with pytest.raises(ClientError, match=r'include=\["vector"\]'):
        SearchResult((found(),), {}).to_numpy()


def test_arrays_without_numpy_say_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(ClientError, match="pip install numpy"):
        TWO.to_numpy()


def test_results_become_a_data_frame_with_a_column_for_each_name_of_metadata() -> None:
    frame = TWO.to_dataframe("pandas")
    assert isinstance(frame, pd.DataFrame)
    assert frame["id"].tolist() == [4, 5]
    assert frame["metadata.year"].tolist()[0] == 2020
    assert pd.isna(frame["metadata.year"][1])
    assert frame["vector"][0] == [0.6, 0.8]


def test_whatever_is_iterated_over_becomes_a_data_frame(api: FakeApi) -> None:
    images = [{"id": number, "path": f"/{number}.jpg", "metadata": {}} for number in range(3)]
    api.on("GET", "/api/v2/collections/cats/images", ok({"items": images, "next": None}))
    frame = to_dataframe(api.client().images("cats"), "pandas")
    assert frame["path"].tolist() == ["/0.jpg", "/1.jpg", "/2.jpg"]
    assert to_dataframe([], "pandas").empty


class Polars(ModuleType):
    """What of polars a data frame is made by."""

    @staticmethod
    def DataFrame(columns: dict[str, list[Any]], *, strict: bool) -> tuple[dict[str, list[Any]], bool]:  # noqa: N802
        return columns, strict


def test_polars_is_taken_where_it_alone_is_there_or_was_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", Polars("polars"))
    monkeypatch.delitem(sys.modules, "pandas")
    columns, is_strict = TWO.to_dataframe()
    assert (columns["id"], columns["metadata.kind"], is_strict) == ([4, 5], [None, "cat"], False)
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert TWO.to_dataframe()[0]["id"] == [4, 5]


@pytest.mark.parametrize(
    ("library", "reason"), [(None, "pandas or polars: pip install"), ("pandas", "needs pandas:")]
)
def test_data_frames_without_a_library_say_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, library: str | None, reason: str
) -> None:
    for name in ("pandas", "polars"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ClientError, match=reason):
        TWO.to_dataframe(library)


def test_another_library_is_refused() -> None:
    with pytest.raises(ClientError, match="pandas or polars, not 'os'"):
        TWO.to_dataframe("os")


class Seen(HTMLParser):
    """What a browser makes of HTML: its tags, the sources of its pictures, its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[dict[str, str | None]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "img":
            self.attributes.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


def seen(shown: Any) -> Seen:
    return Seen(shown._repr_html_())


def test_results_show_their_small_pictures_and_how_far_they_are() -> None:
    shown = seen(SearchResult((found(thumbnail_url=URL, url="http://api.test/large"), found(url=None)), {}))
    assert [each["src"] for each in shown.attributes] == [URL]
    assert "0.2500/photos/cat.jpg" in shown.text
    assert [each["src"] for each in seen(found()).attributes] == [URL]
    assert [each["src"] for each in seen(Image.parse({"id": 4, "path": "/a.jpg", "url": URL})).attributes] == [URL]


@pytest.mark.parametrize("where", ["path", "url", "thumbnail_url"])
def test_whatever_comes_from_outside_is_text(where: str) -> None:
    shown = seen(SearchResult((found(**{where: f"http://api.test/{HOSTILE}"}),), {}))
    assert shown.tags == {"div", "figure", "img", "figcaption"}
    assert set(shown.attributes[0]) == {"src", "alt", "style", "loading", "referrerpolicy"}
    assert HOSTILE in shown.text + str(shown.attributes[0]["src"])


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", " javascript:alert(1)", "data:text/html,x", "//x", "http://["]
)
def test_only_addresses_of_the_web_are_fetched(url: str) -> None:
    assert seen(found(url=url)).attributes == []


def test_a_notebook_is_not_filled_without_end() -> None:
    shown = seen(Gallery(tuple(Tile.linked(URL, str(number)) for number in range(MAX_TILES + 5))))
    assert len(shown.attributes) == MAX_TILES
    assert shown.text.endswith("and 5 more")


def test_a_gallery_holds_its_pictures_in_their_order_without_the_key(api: FakeApi) -> None:
    for number in range(8):
        answer = httpx.Response(200, content=b"jpeg %d" % number) if number != 3 else problem(404, "It is gone.")
        api.on("GET", f"/api/v2/images/{number}/thumbnail", answer)
    results = SearchResult(tuple(found(id=number, path=f"/{number}.jpg") for number in range(8)), {})

    gallery = api.client(api_key="imagesearch_1_x").gallery(results, size=64)

    shown = seen(gallery)
    assert [each["src"] for each in shown.attributes] == [
        f"data:image/jpeg;base64,{b64encode(b'jpeg %d' % number).decode()}" for number in range(8) if number != 3
    ]
    assert "It is gone./3.jpg" in shown.text
    assert "imagesearch_1_x" not in gallery._repr_html_() + repr(gallery)
    assert {request.url.params["size"] for request in api.requests} == {"64"}
