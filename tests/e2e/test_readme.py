"""The README's examples, run as they stand: each curl line is sent, the Python block is executed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.system import System
from support.waiting import PATIENCE, until

pytestmark = pytest.mark.e2e

README = (Path(__file__).parents[2] / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def curl_lines() -> list[str]:
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("curl ")]
    assert len(lines) >= 8, "the README has lost its examples"
    return lines


def send(line: str, variables: dict[str, str]) -> httpx.Response:
    """Do what curl would do with the options that the README uses, and refuse any other."""
    for name, value in variables.items():
        line = line.replace(f"${name}", value)
    words = iter(shlex.split(line, comments=True)[1:])
    method, url, headers, body = "", "", {}, None
    files: list[tuple[str, Any]] = []
    fields: dict[str, str] = {}
    for word in words:
        if word == "-s":
            continue
        if word == "-X":
            method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(words)
        elif word == "-F":
            name, _, value = next(words).partition("=")
            if value.startswith("@"):
                files.append((name, Path(value[1:]).read_bytes()))
            else:
                fields[name] = value
        else:
            assert word.startswith("http"), f"an option that this test does not know: {word}"
            url = word
    method = method or ("POST" if body or files else "GET")
    return httpx.request(
        method, url, headers=headers, content=body, files=files or None, data=fields, timeout=PATIENCE
    )


def test_every_curl_line_of_the_readme_works(system: System, album: Path) -> None:
    variables = {
        "URL": system.url,
        "IMAGES": str(album),
        "PICTURE": str(album / "first" / "picture 00.jpg").replace(" ", "\\ "),
        "JOB": "",
    }
    for line in curl_lines():
        response = send(line, variables)
        assert response.is_success, f"{line}: {response.status_code} {response.text}"
        if not variables["JOB"]:
            variables["JOB"] = response.json()["id"]
            job = f"{system.url}/api/v2/jobs/{variables['JOB']}"
            until(lambda job=job: httpx.get(job).json()["finished_at"] is not None)  # type: ignore[misc]


def test_the_python_of_the_readme_works(system: System, album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks("python")
    picture = album / "first" / "picture 00.jpg"
    code = code.replace("http://127.0.0.1:5000", system.url).replace("/photos/cat.jpg", str(picture))
    exec(compile(code.replace('"/photos"', repr(str(album))), "README.md", "exec"), {})  # noqa: S102 - our own README
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 5
    assert printed[0] == f"0.0000  {picture}"


def test_the_readme_names_only_verbs_that_make_knows() -> None:
    makefile = (Path(__file__).parents[2] / "Makefile").read_text()
    known = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", README))
    assert named <= known, named - known
