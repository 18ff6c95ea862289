"""Use cases of search: queries, their vectors, matches, comparisons, duplicates."""
