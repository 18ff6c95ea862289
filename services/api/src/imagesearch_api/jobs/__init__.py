"""Use cases of jobs: submit, follow, control."""
