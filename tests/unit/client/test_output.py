"""What reaches a terminal: whole paths, no markup, no escape sequences out of file names."""

from __future__ import annotations

import io
import os

from rich.console import Console

from imagesearch_client.command.output import print_table, printable


def test_a_terminal_gets_a_table_with_whole_paths() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=40, color_system=None)

    print_table(console, ("distance", "path"), [("0.000000", "/photos/" + "x" * 60), ("0.5", "/[red]/a")])

    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert text.count("x") == 60
    assert "/[red]/a" in text
    assert "\t" not in text


def test_what_does_not_print_is_written_as_an_escape() -> None:
    assert printable("a\x1b[2J\n\tb") == "a\\x1b[2J\\n\\tb"
    assert printable(os.fsdecode(b"caf\xe9")) == "caf\\udce9"
    assert printable("café 猫 🐈") == "café 猫 🐈"


def test_nothing_is_an_empty_cell() -> None:
    assert printable(None) == ""
    assert printable(0) == "0"
