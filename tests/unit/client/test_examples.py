"""The examples of the client do what they say: those in its docstrings, and those of its README."""

from __future__ import annotations

import doctest
import inspect
import io
import pkgutil
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import imagesearch_client
from imagesearch_client import AsyncClient, Client
from support.example_api import example_api

README = Path(imagesearch_client.__file__).parents[2] / "README.md"
WITH_EXAMPLES = {
    "add_image",
    "add_images",
    "change_image",
    "compare",
    "create_collection",
    "delete_images",
    "duplicates",
    "embed",
    "events",
    "failures",
    "facets",
    "gallery",
    "images",
    "jobs",
    "put_alias",
    "reindex",
    "search",
    "search_many",
    "submit_job",
    "wait",
}
"""Calls that most people begin with."""


@pytest.fixture(autouse=True)
def _clients(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have whatever client an example makes speak to the API of the examples, in a folder with pictures."""
    api = example_api()
    monkeypatch.setattr(imagesearch_client, "Client", partial(Client, transport=api.transport()))
    monkeypatch.setattr(imagesearch_client, "AsyncClient", partial(AsyncClient, transport=api.transport()))
    for name in ("cat.jpg", "kitten.jpg"):
        (tmp_path / name).write_bytes(b"pixels of a cat")
    monkeypatch.chdir(tmp_path)


def modules() -> list[ModuleType]:
    """Return the modules whose examples are run: those of `asynchronous` are the same, awaited."""
    found = pkgutil.walk_packages(imagesearch_client.__path__, "imagesearch_client.")
    names = [each.name for each in found if ".command" not in each.name and ".asynchronous" not in each.name]
    return [import_module(name) for name in names]


def examples() -> Iterator[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    for module in modules():
        yield from (test for test in finder.find(module, globs={}) if test.examples)


@pytest.mark.parametrize("example", [*examples()], ids=lambda test: test.name.removeprefix("imagesearch_client."))
def test_an_example_does_what_it_says(example: doctest.DocTest) -> None:
    told = io.StringIO()
    with imagesearch_client.Client("http://api.test") as client:
        example.globs = {**vars(imagesearch_client), "client": client}
        outcome = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=told.write)
    assert outcome.failed == 0, told.getvalue()


def test_the_calls_that_people_begin_with_have_an_example() -> None:
    shown = {test.name.rpartition(".")[2] for test in examples()}
    assert shown >= WITH_EXAMPLES
    assert {name for name, _ in inspect.getmembers(Client)} >= WITH_EXAMPLES


BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_what_the_readme_shows_runs(block: str) -> None:
    said = io.StringIO()
    namespace: dict[str, Any] = {"__name__": "__main__"}
    if "client = " not in block and " as client" not in block:
        namespace["client"] = imagesearch_client.Client("http://api.test")
    with redirect_stdout(said):
        exec(block, namespace)  # noqa: S102 - that is what readers do
    wanted = re.findall(r"^\s*# prints: (.*)$", block, flags=re.MULTILINE)
    assert said.getvalue().splitlines()[: len(wanted)] == wanted
