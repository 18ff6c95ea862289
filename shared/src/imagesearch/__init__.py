"""The contract that every image search service speaks."""

from importlib.metadata import version

__version__ = version("imagesearch")
