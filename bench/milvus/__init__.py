"""Compare the index types of a Milvus server at many vectors."""
