"""Look at a running system, and say of each of its parts whether it is well, and what to do where it is not."""
