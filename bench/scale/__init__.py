"""Measure what a path and a call cost, for catalogues of different sizes: nothing may grow with them."""
