"""Numbers and words of the catalogue that others need without its driver."""

from __future__ import annotations

METRIC = "COSINE"
"""The one metric: all vectors have length 1, where L2 and inner product order alike."""
MAX_PATH_BYTES = 2_400
"""A Postgres B-tree holds entries up to 2,704 bytes; the rest is for the collection's id and headers."""
