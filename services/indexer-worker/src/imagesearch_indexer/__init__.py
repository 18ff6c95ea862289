"""The indexer worker: plans jobs, writes vectors and rows, keeps the ledger."""
