"""Settings come from the environment, are checked at start, and hide their secrets in the log."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from imagesearch.files.roots import Roots
from imagesearch.files.uploaded_objects import UploadedObjects
from imagesearch.files.uploads import Uploads
from imagesearch.settings import (
    MilvusSettings,
    PictureSettings,
    PostgresSettings,
    RedisSettings,
    Settings,
    SourceSettings,
)

EVERY = [PostgresSettings, RedisSettings, MilvusSettings, PictureSettings, SourceSettings]


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for settings in EVERY:
        for name in settings.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize("settings", EVERY)
def test_every_setting_has_a_default_and_a_sentence(settings: type[Settings]) -> None:
    settings()
    for name, field in settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name


def test_values_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_PIXELS", "1000")
    monkeypatch.setenv("MILVUS_LITE", "true")
    monkeypatch.setenv("REDIS_URL", "redis://cache:6379/3")
    assert PictureSettings().max_pixels == 1000
    assert MilvusSettings().milvus_lite is True
    assert RedisSettings().redis_url == "redis://cache:6379/3"


@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        (PictureSettings, "MAX_PIXELS", "0"),
        (PictureSettings, "MAX_PIXELS", "many"),
        (PictureSettings, "MIN_SIDE", "0"),
        (RedisSettings, "REDIS_TIMEOUT", "0"),
        (RedisSettings, "VISIBILITY_TIMEOUT", "-1"),
        (PostgresSettings, "DATABASE_POOL_SIZE", "0"),
        (SourceSettings, "IMAGE_ROOTS", "pictures"),
        (SourceSettings, "IMAGE_ROOTS", "/data:pictures"),
    ],
)
def test_values_that_cannot_work_end_the_start(
    settings: type[Settings], name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        settings()


def test_without_roots_nothing_may_be_read() -> None:
    assert SourceSettings().image_roots == ()


def test_roots_are_split_and_resolved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.setenv("IMAGE_ROOTS", f"{tmp_path}/link:/data/../data/photos/::")
    roots = SourceSettings().image_roots
    assert roots == (Path(os.path.realpath(tmp_path)) / "real", Path(os.path.realpath("/data/photos")))


def test_settings_cannot_be_changed_after_start() -> None:
    with pytest.raises(ValidationError):
        PictureSettings().max_pixels = 5  # type: ignore[misc]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg2://user:s3cret@db/x",
        "postgresql+psycopg2://user:s3cret@db:5432/x?sslmode=require",
        "postgresql+psycopg2://:s3cret@db/x",
    ],
)
def test_passwords_do_not_reach_the_log(url: str) -> None:
    shown = PostgresSettings(database_url=url).describe()["database_url"]
    assert "s3cret" not in shown
    assert shown == url.replace("s3cret", "***")


def test_tokens_do_not_reach_the_log() -> None:
    settings = MilvusSettings(milvus_token="root:s3cret")  # noqa: S106
    assert "s3cret" not in str(settings.describe())
    assert "s3cret" not in repr(settings)
    assert settings.describe()["milvus_token"] == "***"  # noqa: S105
    assert MilvusSettings().describe()["milvus_token"] == ""


def test_what_holds_no_secret_is_shown_as_it_is() -> None:
    assert RedisSettings(redis_url="redis://cache:6379/0").describe()["redis_url"] == "redis://cache:6379/0"
    assert PictureSettings(max_pixels=7).describe()["max_pixels"] == 7


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("https://bucket/uploads", "not like"),
        ("s3://KEY:SECRET@bucket/uploads", "not like"),
        ("s3://bucket/../other", "not like"),
        ("s3://bucket/a//b", "not like"),
        ("s3://bucket/uploads?x", "not like"),
        ("s3://", "not like"),
    ],
)
def test_the_place_of_uploads_is_a_bucket_and_tells_no_secret(tmp_path: Path, url: str, rule: str) -> None:
    with pytest.raises(ValidationError, match=rule) as refused:
        SourceSettings(upload_root=tmp_path, uploads_url=url)
    assert "UPLOADS_URL" in refused.value.errors()[0]["msg"]


def test_uploads_in_a_bucket_keep_their_paths(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="needs UPLOAD_ROOT"):
        SourceSettings(uploads_url="s3://bucket/uploads")
    with pytest.raises(ValidationError, match="UPLOADS_ENDPOINT_URL is not like"):
        SourceSettings(upload_root=tmp_path, uploads_endpoint_url="http://KEY:SECRET@host")
    in_bucket = Roots.of(SourceSettings(upload_root=tmp_path, uploads_url="s3://bucket/uploads/"))
    in_directory = Roots.of(SourceSettings(upload_root=tmp_path))
    assert isinstance(in_bucket.upload_store, UploadedObjects)
    assert isinstance(in_directory.upload_store, Uploads)
    made = [
        store.path_of(1, "", "ab" * 32, "PNG") for store in (in_bucket.upload_store, in_directory.upload_store)
    ]
    assert made[0] == made[1]
    assert Roots.of(SourceSettings()).upload_store is None


def test_uploads_lie_apart_from_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos" / "uploads").mkdir(parents=True)
    (tmp_path / "link").symlink_to("photos/uploads")
    photos = tmp_path.resolve() / "photos"
    monkeypatch.setenv("IMAGE_ROOTS", str(photos))
    monkeypatch.setenv("UPLOAD_ROOT", f"{tmp_path}/link")
    assert Roots.of(SourceSettings()) == Roots((photos,), photos / "uploads")
    monkeypatch.setenv("IMAGE_ROOTS", f"{photos}:{photos}/uploads")
    assert Roots.of(SourceSettings()) == Roots((photos,), photos / "uploads")
    for root, rule in ((str(tmp_path), "holds"), ("uploads", "not absolute")):
        monkeypatch.setenv("UPLOAD_ROOT", root)
        with pytest.raises(ValidationError, match=rule):
            SourceSettings()
