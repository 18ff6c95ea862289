"""Measure speed: each figure a ratio of two things that are done in turns."""
