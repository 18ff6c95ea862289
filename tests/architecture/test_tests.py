"""End-to-end tests and the model import no product, and every file of the tests can be read at one go."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PRODUCT = (
    "imagesearch",
    "imagesearch_api",
    "imagesearch_extractor",
    "imagesearch_indexer",
    "imagesearch_client",
    "imagesearch_local",
)
MAX_LINES = 400


def modules_imported_by(path: Path) -> Iterator[str]:
    """Yield the names that a file imports, wherever in it, each with the package that it comes from."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files_of(module: str, tests: Path) -> list[Path]:
    """Return the files among the tests that importing a module runs."""
    parts = module.split(".")
    packages = [tests.joinpath(*parts[:length], "__init__.py") for length in range(1, len(parts) + 1)]
    return [path for path in (*packages, tests.joinpath(*parts).with_suffix(".py")) if path.is_file()]


def product_imports(folder: Path, tests: Path) -> set[str]:
    """Return what of the product a folder's files import, themselves or by what they import of the tests."""
    waiting, seen, found = [*folder.rglob("*.py")], set[Path](), set[str]()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for module in modules_imported_by(path):
            if module.partition(".")[0] in PRODUCT:
                found.add(f"{path.relative_to(tests)} imports {module}")
            waiting += files_of(module, tests)
    return found


def test_end_to_end_tests_import_nothing_of_the_product() -> None:
    assert product_imports(TESTS / "e2e", TESTS) == set()


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("import imagesearch.vectors", "e2e/test_it.py imports imagesearch.vectors"),
        ("def late():\n    from imagesearch_client import Client", "e2e/test_it.py imports imagesearch_client"),
        ("from support.through import one", "support/through.py imports imagesearch_local.ports"),
        ("from support import through", "support/through.py imports imagesearch_local.ports"),
        ("import support.hostile.bombs", "support/hostile/__init__.py imports imagesearch"),
    ],
)
def test_an_import_of_the_product_is_found_however_it_is_written(tmp_path: Path, said: str, named: str) -> None:
    for path, text in {
        "e2e/test_it.py": said,
        "support/through.py": "import imagesearch_local.ports",
        "support/hostile/__init__.py": "import imagesearch",
        "support/hostile/bombs.py": "",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert named in product_imports(tmp_path / "e2e", tmp_path)


def test_the_model_imports_nothing_of_the_product() -> None:
    assert product_imports(TESTS / "model", TESTS) == set()


def test_no_file_of_the_tests_is_longer_than_it_may_be() -> None:
    lines = {path: len(path.read_text().splitlines()) for path in TESTS.rglob("*.py")}
    assert {str(path): length for path, length in lines.items() if length > MAX_LINES} == {}
