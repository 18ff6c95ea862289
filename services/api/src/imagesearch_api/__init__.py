"""The HTTP API: takes jobs, answers searches, shows progress."""
