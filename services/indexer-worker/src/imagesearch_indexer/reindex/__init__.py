"""Jobs that build the index of a collection anew, and switch to it."""
