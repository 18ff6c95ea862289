"""The catalogue in Postgres: the one truth about collections, images, jobs and their ledger."""
