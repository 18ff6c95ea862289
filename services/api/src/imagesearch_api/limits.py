"""Bounds of what requests may ask for. Importing them loads nothing else."""

from __future__ import annotations

PAGE_SIZE = 100
"""Items of a page of a list, where the request does not say."""
MAX_PAGE_SIZE = 1_000
MAX_NUMBER = 2**63 - 1
"""The largest id that Postgres and Milvus have."""

DEFAULT_RESULTS = 10
MAX_TOP_K = 16_384
"""The largest `limit` and `offset + limit` that Milvus takes."""
MAX_QUERIES = 64
"""Queries of one batch: their pixels are 10 MB, and one forward pass takes seconds on a CPU."""
MAX_EXAMPLES = 32
"""Examples of one search, positive and negative together: half of what a batch may put into one forward pass."""
NEGATIVE_SHARE = 0.2
"""How much of the mean of negative examples is taken away, where the request does not say; see `examples`."""
MAX_FIELD_LENGTH = 256
"""Characters of the name of a metadata field to group by."""
MAX_VECTORS = 1_000
"""Vectors of one answer: of 2,048 numbers each they are 20 MB of JSON."""
MAX_URL_LENGTH = 4096

MAX_PATHS = 500_000
"""Paths of a job's list."""
MAX_IMAGES = 10_000
"""Ids or paths of one deletion."""
MAX_DIGESTS = 500
"""Digests of uploads that one request looks for: each is looked for in every format, so some thousand paths."""
MAX_DIRECTORIES = 200_000
"""Directories that the paths of one deletion may name together: 20 for each of 10,000 paths. Resolving looks at
each directory, which took 3 us for a missing one: 0.7 s in all, where 10,000 paths of 2,400 bytes took 39 s."""

MAX_FIELDS = 64
"""Fields of one JSON body."""
MAX_KEY_LENGTH = 200
"""Characters of an idempotency key."""

MAX_WAIT_SECONDS = 60
"""How long one request waits for a job, or watches it. Then its place is free for others, and its key is judged
anew with the request that follows."""

HEAT_SIZE = 256
"""The longer side of a heat map in pixels."""

MIN_THUMBNAIL_SIZE, THUMBNAIL_SIZE, MAX_THUMBNAIL_SIZE = 64, 256, 512
"""The longer side of a thumbnail in pixels; the one in the middle where the request does not say."""
