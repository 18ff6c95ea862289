"""A collection in Milvus is loaded as it is made, and only who asks for it waits for that."""

from __future__ import annotations

from typing import Any

import pytest

from imagesearch.networks import VGG16
from imagesearch.settings import MilvusSettings
from imagesearch.vectors import Capabilities, IndexSpec
from imagesearch.vectors.milvus import MilvusVectorStore


class Recorded(MilvusVectorStore):
    """Note what is called, and answer that it is there."""

    def __init__(self) -> None:
        super().__init__(MilvusSettings(milvus_uri="http://127.0.0.1:1"))
        self.calls: list[tuple[str, dict[str, Any]]] = []

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("a server", frozenset({"AUTOINDEX"}), partition_key=False, one_writer=False)

    def _call(self, name: str, method: str, **arguments: Any) -> Any:
        self.calls.append((method, arguments))
        return True


@pytest.mark.parametrize(("wait", "said"), [(True, {}), (False, {"_async": True})])
def test_only_who_asks_for_it_waits_until_a_collection_is_loaded(wait: bool, said: dict[str, Any]) -> None:
    store = Recorded()
    store.ensure_collection("album", IndexSpec(), VGG16.dimension, wait=wait)
    assert store.calls[-1] == ("load_collection", said)
