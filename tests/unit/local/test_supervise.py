"""Small shell scripts under supervision, in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.waiting import TIMEOUT

SUPERVISE = """
import os, sys
from pathlib import Path
from imagesearch_local.console import Console
from imagesearch_local.layout import Layout
from imagesearch_local.programs import Program, supervisor_conf
from imagesearch_local.supervise import supervise

layout = Layout.at(sys.argv[1])
layout.create()
programs = [
    Program("steady", "stores", "sh -c 'trap \\"echo bye; exit 0\\" TERM; echo up; while :; do sleep 0.1; done'"),
    Program("other", "edge", sys.argv[2], once=len(sys.argv) > 3),
]
layout.supervisor_conf.write_text(supervisor_conf(layout, programs))
os.chdir(layout.data_dir)
once = frozenset(program.name for program in programs if program.once)
reason = supervise(layout.supervisor_conf, Console(sys.stdout.fileno()), once)
sys.stderr.write(f"{reason}\\n")
"""


def supervised(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SUPERVISE, folder / "data", *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


@pytest.mark.parametrize("delay", ["", "sleep 1.5; "])
def test_a_process_that_never_can_work_ends_everything_and_is_the_reason(tmp_path: Path, delay: str) -> None:
    done = supervised(tmp_path, f"sh -c '{delay}echo WEIGHTS=nowhere cannot be read; exit 78'")
    assert done.returncode == 0
    assert done.stderr == "other cannot work as it is set up: WEIGHTS=nowhere cannot be read\n"
    lines = done.stdout.splitlines()
    assert "stack           | steady stopped" in lines
    # It may be stopped before it has said that it is up; once it has, it ends in good order.
    assert lines.count("steady          | bye") == lines.count("steady          | up")
    assert done.stdout.count("WEIGHTS=nowhere") == 1


def test_a_step_that_should_end_well_is_tried_three_times(tmp_path: Path) -> None:
    done = supervised(tmp_path, "sh -c 'echo no schema; exit 1'", "once")
    assert done.stderr == "other fails every time: no schema\n"
    assert done.stdout.count("| no schema") == 3


def test_the_last_words_of_a_process_are_shown_even_without_a_line_end(tmp_path: Path) -> None:
    done = supervised(tmp_path, "sh -c 'printf one; printf two; exit 78'")
    assert "other           | onetwo" in done.stdout.splitlines()


def test_nothing_is_lost_of_much_output_and_long_lines(tmp_path: Path) -> None:
    done = supervised(tmp_path, "sh -c 'seq 1 50000; exit 78'")
    shown = [line.partition("| ")[2] for line in done.stdout.splitlines() if line.startswith("other  ")]
    assert shown == [str(number) for number in range(1, 50_001)]
