"""Reach hosts outside that operators name, without lending callers this machine's place in the network."""
