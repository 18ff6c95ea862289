"""Keep reindex builds: what they are, what they hold, and the vectors that they replaced."""
