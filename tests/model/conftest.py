"""What the tests of the model print: how many states were looked at, and the steps that lead to a problem."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from model.explore import Result


@pytest.fixture
def tell(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Callable[[Result], None]:
    """Return what prints a result, with -v at once and otherwise beside a failure."""

    def print_result(result: Result) -> None:
        if request.config.get_verbosity() > 0:
            with capsys.disabled():
                sys.stdout.write(f"\n{result}\n")
        else:
            sys.stdout.write(f"{result}\n")

    return print_result
