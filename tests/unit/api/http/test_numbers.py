"""Numbers are what people write, and nothing else that Python would take for one."""

from __future__ import annotations

import pytest

from imagesearch_api.http.fields import BadField
from imagesearch_api.http.numbers import decimal_number, read_int, whole_number

NONE = ["", " 1", "1 ", "+1", "1_0", "٣", "²", "0x1", "1e", "nan", "inf", "-", "1" * 21, "1\n"]


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("-3", -3), ("9" * 20, 10**20 - 1)])
def test_whole_numbers_are_read(text: str, number: int) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0.0), ("0.25", 0.25), ("1e-3", 0.001), ("-2.5E2", -250.0), ("1" * 20, float("1" * 20))],
)
def test_decimal_numbers_are_read(text: str, number: float) -> None:
    assert decimal_number(text) == number


@pytest.mark.parametrize("text", [*NONE, "1.0", "1e2"])
def test_what_is_no_whole_number_stays_text(text: str) -> None:
    assert whole_number(text) == text
    with pytest.raises(BadField, match="a whole number from 1 to 9"):
        read_int("limit", text, default=3, low=1, high=9)


@pytest.mark.parametrize("text", [*NONE, ".5", "5.", "1e+2", "1e1000"])
def test_what_is_no_decimal_number_stays_text(text: str) -> None:
    assert decimal_number(text) == text


@pytest.mark.parametrize("text", ["0", "10", "-1"])
def test_a_number_out_of_its_range_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadField) as caught:
        read_int("limit", text, default=3, low=1, high=9)
    assert caught.value.field == "limit"


def test_what_is_not_given_has_its_default() -> None:
    assert read_int("limit", None, default=3, low=1, high=9) == 3
