"""The contact sheet of a search: query and results in one picture, whatever is missing."""

from __future__ import annotations

import io
from pathlib import Path

import httpx
import pytest
from PIL import Image

from imagesearch_client.command import sheet
from imagesearch_client.command.sheet_drawing import COLUMNS, GAP, SIDE, Cell, draw
from support.fake_api import FakeApi, Run, ok, problem

SEARCH = "/api/v2/collections/default/search"
RED, BLUE = (255, 0, 0), (0, 0, 255)


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (64, 64)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def middle(place: int) -> tuple[int, int]:
    """Return the middle of a cell's picture."""
    return GAP + place * (SIDE + GAP) + SIDE // 2, GAP + SIDE // 2


@pytest.fixture
def found(api: FakeApi) -> None:
    rows = [{"id": number, "path": f"/photos/{number}.jpg", "distance": 0.1 * number} for number in (1, 2)]
    api.on("POST", SEARCH, ok({"results": rows, "took_ms": {}}))
    api.on("GET", "/api/v2/images/1/thumbnail", httpx.Response(200, content=picture(BLUE)))
    api.on("GET", "/api/v2/images/2/thumbnail", problem(409, "it is another file now", code="file_changed"))


@pytest.mark.usefixtures("found")
def test_query_and_results_are_in_their_places(run: Run, tmp_path: Path) -> None:
    (tmp_path / "query.png").write_bytes(picture(RED))
    result = run("search", str(tmp_path / "query.png"), "--save", str(tmp_path / "sheet.png"))
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1:] == ["0.100000\t/photos/1.jpg", "0.200000\t/photos/2.jpg"]
    with Image.open(tmp_path / "sheet.png") as drawn:
        assert drawn.width == GAP + 3 * (SIDE + GAP)
        assert drawn.getpixel(middle(0)) == RED
        assert drawn.getpixel(middle(1)) == BLUE
        assert drawn.getpixel(middle(2)) not in (RED, BLUE)


@pytest.mark.usefixtures("found")
def test_an_indexed_picture_that_is_searched_by_is_shown(api: FakeApi, run: Run, tmp_path: Path) -> None:
    api.on("GET", "/api/v2/images/9/thumbnail", httpx.Response(200, content=picture(RED)))
    assert run("search", "--image-id", "9", "--save", str(tmp_path / "sheet.jpg")).exit_code == 0
    with Image.open(tmp_path / "sheet.jpg") as drawn:
        assert drawn.format == "JPEG"


def test_a_sheet_has_rows_and_takes_what_cannot_be_drawn() -> None:
    cells = [Cell(b"no picture", "1.  0.1000", "/" + "long/" * 80 + "é\U0001f408.jpg")] * (COLUMNS + 1)
    drawn = draw(cells)
    assert drawn.width == GAP + COLUMNS * (SIDE + GAP)
    assert drawn.height > 2 * SIDE
    assert draw([Cell("", "searched by vector", "")]).width == SIDE + 2 * GAP


@pytest.mark.parametrize(
    "arguments",
    [("--save", "sheet.txt"), ("--save", "sheet.png", "--top-k", "101"), ("--save", "none/there/sheet.png")],
)
def test_what_cannot_be_saved_is_said(
    found: None, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("search", "--image-id", "9", *arguments)
    assert result.exit_code in (1, 64)
    assert "Error: " in result.stderr


def test_without_pillow_it_says_what_to_install(
    api: FakeApi, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_: str) -> object:
        raise ModuleNotFoundError("No module named 'PIL'", name="PIL")

    monkeypatch.setattr(sheet, "import_module", missing)
    result = run("search", "--image-id", "9", "--save", str(tmp_path / "sheet.png"))
    assert result.exit_code == 1
    assert "pip install 'imagesearch-client[sheet]'" in result.stderr
    assert api.requests == []
