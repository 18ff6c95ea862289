"""Rules take metadata from paths in one way, or not at all."""

from __future__ import annotations

import pytest

from imagesearch.path_rules import PathRule


@pytest.mark.parametrize(
    ("rule", "path", "found"),
    [
        ("{year}/{event}/{name}", "2024/Rome/a.jpg", {"year": "2024", "event": "Rome", "name": "a.jpg"}),
        ("{year:int}/*/{key}.jpg", "2024/Rome/a.jpg", {"year": 2024, "key": "a"}),
        ("{year:int}/{name}", "MMXXIV/a.jpg", None),
        ("{year:int}/{name}", "2024/Rome/a.jpg", None),
        ("{year:int}/{name}", "a.jpg", None),
        ("**/{event}/*", "/photos/2024/Rome/a.jpg", {"event": "Rome"}),
        ("**/{event}/*", "Rome/a.jpg", {"event": "Rome"}),
        ("**/{event}/*", "a.jpg", None),
        ("{date}_{camera}.{ending}", "2024_x_1.tar.gz", {"date": "2024", "camera": "x_1", "ending": "tar.gz"}),
        ("IMG_{number:int}.jpg", "IMG_0042.jpg", {"number": 42}),
        ("IMG_{number:int}.jpg", "IMG_.jpg", None),
        ("IMG_{number:int}.jpg", "IMG_42.png", None),
        ("a{x}a", "aa", None),
        ("a{x}a", "aba", {"x": "b"}),
        ("{x}-{y}", "a-", None),
        ("{x}-{y}", "-a-b", {"x": "-a", "y": "b"}),
        ("{x}.{y}", "a.b", {"x": "a", "y": "b"}),
        ("{place}/*", "Zürich/a.jpg", {"place": "Zürich"}),
        ("{n:int}", "²", None),
        ("{n:int}", "9" * 19, None),
        ("{key}", "k" * 257, None),
    ],
)
def test_a_path_that_fits_gives_its_fields(rule: str, path: str, found: dict[str, object] | None) -> None:
    assert PathRule.parse(rule).read(path) == found


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "photos/*",
        "{}",
        "{1st}",
        "{a b}",
        "{a:str}",
        "{a}{b}",
        "{a}/{a}",
        "{a}//{b}",
        "{a}/**/{b}",
        "{a}*",
        "{a",
        "a}",
        "{key:int}",
        "{a.b}",
        "/".join(f"{{f{at}}}" for at in range(17)),
        "{a}" + "x" * 1_022,
    ],
)
def test_what_is_no_rule_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match="must"):
        PathRule.parse(rule)


def test_a_path_is_read_once_however_often_it_seems_to_fit() -> None:
    """Whoever tried every way of sharing out these letters would not end."""
    rule = PathRule.parse("-".join(f"{{f{at}}}" for at in range(16)))
    assert rule.read("a-" * 1_000 + "-") == {f"f{at}": "a" for at in range(15)} | {"f15": "a-" * 985 + "-"}
    assert PathRule.parse("{a}x{b}y{c}z").read("x" * 4_000) is None
