"""Follow a page of the documentation: do what its blocks say, and compare what is answered with what is shown."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from support.following import ended
from support.waiting import TIMEOUT

REPOSITORY = Path(__file__).parents[2]
ALIKE = (".state", ".status", ".code", ".metric", ".kind", ".collection", ".key", ".partition", ".field", ".next")
"""Fields whose values are as shown; of others only the type is compared."""


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def examples(text: str) -> list[tuple[str, str]]:
    """Return each command that follows a prompt, its continued lines joined, with what is shown below it."""
    found = []
    for block in blocks(text, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, answer = part.replace("\\\n", "").partition("\n")
            found.append((command, answer.strip()))
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
    if where.endswith(ALIKE):
        assert shown == real, where


def parsed(answer: str) -> Any:
    """Read an answer as JSON that is shown with `...` for what is left out."""
    return json.loads(re.sub(r"(, )?\.\.\.", "", answer))


def send(line: str) -> httpx.Response:
    """Do what curl would do with the options that the documentation uses, and refuse any other."""
    words = iter(shlex.split(line, comments=True)[1:])
    method, url, headers, body = "", "", {}, None
    files: list[tuple[str, Any]] = []
    fields: dict[str, str] = {}
    for word in words:
        if word == "-s":
            continue
        if word in {"-o", "-w"}:  # what to print; the caller looks at the status itself
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
            assert word.startswith("http"), f"an option that this does not know: {word}"
            url = word
    method = method or ("POST" if body or files else "GET")
    return httpx.request(
        method, url, headers=headers, content=body, files=files or None, data=fields, timeout=TIMEOUT
    )


@dataclass
class Reader:
    """Somebody who does what a page says, on a system of their own.

    Attributes:
        url: of the system.
        real: what a variable of the page is on this machine, in place of what is shown.
        variables: those that the page has given a value.
    """

    url: str
    real: Mapping[str, str]
    variables: dict[str, str] = field(default_factory=dict)
    _shown: dict[str, str] = field(default_factory=dict)
    _answers: list[tuple[Any, Any]] = field(default_factory=list)

    def follow(self, text: str) -> int:
        """Do everything that a page says, and return how many commands that were."""
        steps = examples(text)
        for command, answer in steps:
            if assigned := re.fullmatch(r"([A-Z]+)=(\S+)", command):
                self._assign(*assigned.groups())
                assert not answer, command
            elif command.startswith("cat "):
                # What a file of the reader's is to hold.
                Path(self._filled(command).removeprefix("cat ")).write_text(self.on_this_machine(answer) + "\n")
            else:
                self._do(self._filled(command), answer)
        return len(steps)

    def on_this_machine(self, text: str) -> str:
        """Return a text with what variables are here in place of what the page shows them to be."""
        for name, value in self._shown.items():
            text = text.replace(value, self.variables[name])
        return text

    def _assign(self, name: str, value: str) -> None:
        answered = (_at(shown, real, value) for shown, real in reversed(self._answers))
        self._shown[name] = value
        self.variables[name] = self.real.get(name) or str(next(filter(None, answered), value))
        if name == "JOB":
            self._wait_for(self.variables[name])

    def _wait_for(self, job_id: str) -> None:
        with httpx.Client(base_url=self.url, timeout=TIMEOUT) as http:
            ended(http, job_id)

    def _do(self, command: str, answer: str) -> None:
        response = send(command)
        if answer.isdigit():
            assert response.status_code == int(answer), f"{command}: {response.text}"
            return
        shown = parsed(answer)
        # A problem says itself that it is none of the answers that were wished for.
        assert response.is_success or response.status_code == shown.get("status"), f"{command}: {response.text}"
        assert_like(shown, response.json(), command)
        self._answers.append((shown, response.json()))
        if job_id := response.json().get("job"):
            # What is written is not there yet, and the next line speaks of it.
            self._wait_for(job_id)

    def _filled(self, line: str) -> str:
        return re.sub(r"\$([A-Z]+)", lambda found: self.variables[found[1]], line)


def _at(shown: Any, real: Any, value: str) -> Any:
    """Return what an answer really has where it is shown with a value."""
    if isinstance(shown, dict):
        return next((found for name in shown if (found := _at(shown[name], real[name], value)) is not None), None)
    if isinstance(shown, list):
        pairs = zip(shown, real, strict=False)
        return next((found for one, other in pairs if (found := _at(one, other, value)) is not None), None)
    return real if str(shown) == value else None
