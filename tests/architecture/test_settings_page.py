"""The page of settings says what the settings are."""

from __future__ import annotations

from tools.settings_page import GROUPS, PAGE, page


def test_the_page_of_settings_is_current() -> None:
    assert PAGE.read_text() == page(), "make docs writes it again"


def test_every_setting_has_a_sentence() -> None:
    for group, _ in GROUPS:
        for name, field in group.model_fields.items():
            assert field.description, f"{group.__name__}.{name}"
            assert field.description.endswith("."), f"{group.__name__}.{name}"
