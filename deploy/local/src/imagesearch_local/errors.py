"""Errors of the local stack; the command line prints their message and nothing else."""

from __future__ import annotations


class StackFailed(Exception):
    """The stack cannot start, stop or do what was asked; the message says why and what to set."""
