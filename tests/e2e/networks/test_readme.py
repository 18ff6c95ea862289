"""The README's examples, run as they stand: each curl line answers as is shown, the Python block is executed."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.system import System
from support.waiting import TIMEOUT, until

pytestmark = pytest.mark.e2e

README = (Path(__file__).parents[3] / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def examples() -> list[tuple[str, str]]:
    """Return each command that follows a prompt, with the answer that is shown below it."""
    found = []
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, answer = part.partition("\n")
            found.append((command, answer.strip()))
    assert len(found) >= 12, "the README has lost its examples"
    return found


def assert_like(shown: Any, real: Any, where: str) -> None:
    """Compare an answer with what is shown of it: the same fields, and values of the same kind."""
    if isinstance(shown, dict):
        assert isinstance(real, dict), where
        assert shown.keys() <= real.keys(), f"{where}: {shown.keys() - real.keys()}"
        for name, value in shown.items():
            assert_like(value, real[name], f"{where}.{name}")
    elif isinstance(shown, list):
        assert isinstance(real, list), where
        for element in shown:  # an empty list says only that a list is answered
            assert real, f"{where} is empty"
            assert_like(element, real[0], f"{where}[]")
    else:
        assert type(shown) is type(real), f"{where}: {real!r} is shown as {shown!r}"
    if where.endswith((".state", ".status", ".code", ".metric", ".kind", ".collection")):
        assert shown == real, where


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
        if word in {"-o", "-w"}:  # what to print; the test looks at the status itself
            next(words)
        elif word == "-X":
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
        method, url, headers=headers, content=body, files=files or None, data=fields, timeout=TIMEOUT
    )


def test_every_example_of_the_readme_answers_as_it_shows(system: System, album: Path) -> None:
    (album / "notes.jpg").write_text("no picture")
    variables: dict[str, str] = {}
    # What a reader's machine has in other places, or under another id.
    real = {
        "URL": system.url,
        "IMAGES": str(album),
        "PICTURE": str(album / "first" / "picture 00.jpg").replace(" ", "\\ "),
    }
    for command, answer in examples():
        if assigned := re.fullmatch(r"([A-Z]+)=(\S+)", command):
            name, value = assigned.groups()
            assert not answer
            variables[name] = real.get(name, value)
            if name == "JOB":
                until(lambda: httpx.get(f"{system.url}/api/v2/jobs/{variables['JOB']}").json()["finished_at"])
            continue
        response = send(command, variables)
        assert response.is_success, f"{command}: {response.status_code} {response.text}"
        if answer.isdigit():
            assert response.status_code == int(answer), command
            continue
        assert_like(json.loads(re.sub(r"(, )?\.\.\.", "", answer)), response.json(), command)
        if "JOB" not in real:
            real["JOB"] = response.json()["id"]


def test_the_python_of_the_readme_works(system: System, album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks("python")
    picture = album / "first" / "picture 00.jpg"
    code = code.replace("http://127.0.0.1:5000", system.url).replace("/photos/cat.jpg", str(picture))
    exec(compile(code.replace('"/photos"', repr(str(album))), "README.md", "exec"), {})  # noqa: S102 - our own README
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 5
    assert printed[0] == f"0.0000  {picture}"


def test_the_readme_names_only_verbs_that_make_knows() -> None:
    makefile = (Path(__file__).parents[3] / "Makefile").read_text()
    known = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", README))
    assert named <= known, named - known
