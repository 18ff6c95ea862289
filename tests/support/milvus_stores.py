"""The product's settings for the Milvus servers that tests start."""

from __future__ import annotations

from imagesearch.settings import MilvusSettings
from support.milvus_servers import Server


def settings_of(server: Server, timeout: float) -> MilvusSettings:
    """Return what a vector store on this server is made with."""
    return MilvusSettings(milvus_uri=server.uri, milvus_timeout=timeout, milvus_lite=server.is_lite)
