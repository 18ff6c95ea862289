"""Keep reindex builds: what they are, how they are filled, and what they found otherwise than the rows say."""
