"""The whole system on one machine, from wheels: no Docker, no root."""
