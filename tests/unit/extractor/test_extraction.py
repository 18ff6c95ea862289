from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imagesearch.contract import ExtractBatch, ExtractItem, IndexBatch, Pixels, Vectors, unpack_vectors
from imagesearch.errors import StoreUnavailable
from imagesearch.failures import FailureCode
from imagesearch.files.facts import FileFacts
from imagesearch.files.paths import read_file
from imagesearch.files.roots import Roots
from imagesearch.networks import UNPOOLED, VGG16
from imagesearch.photo_facts import Fact
from imagesearch.pictures.decode import decode
from imagesearch.pipeline import Pooling, Preprocessing
from imagesearch.settings import PictureSettings
from imagesearch_extractor import reading
from imagesearch_extractor.embedding import ComputeFailed, SeededEmbedder
from imagesearch_extractor.extraction import HandedBack, extract
from imagesearch_extractor.reading import PictureReader
from support.drawing import encoded, photo_like
from support.waiting import TIMEOUT


def batch_of(*paths: Path | str, model: str | None = None, known: dict[int, str] | None = None) -> ExtractBatch:
    """Return a batch whose image ids are 100, 101, ..., and whose keys are ten times that."""
    items = tuple(
        ExtractItem(image_id, str(path), (known or {}).get(image_id), expected_version=10 * image_id)
        for image_id, path in enumerate(paths, 100)
    )
    return ExtractBatch("job", 5, model, Preprocessing().to_dict(), items)


def save(path: Path, seed: int) -> Path:
    path.write_bytes(encoded(photo_like(seed)))
    return path


@pytest.fixture
def run(seeded: SeededEmbedder, reader: PictureReader) -> Any:
    def call(batch: ExtractBatch, **overrides: Any) -> IndexBatch:
        given = {"embedder": seeded, "reader": reader, "compute_batch": 4, "stopping": Event(), **overrides}
        return extract(batch, **given)

    return call


class Counting(SeededEmbedder):
    """Count pictures and the sizes of passes."""

    def __init__(self) -> None:
        super().__init__(3)
        self.sizes: list[int] = []

    def embed(self, pixels: Pixels, pooling: Pooling | None = None) -> Vectors:
        self.sizes.append(len(pixels))
        return super().embed(pixels, pooling)


def test_every_picture_gets_its_own_vector_in_order(run: Any, seeded: SeededEmbedder, tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{seed}.jpg", seed) for seed in range(6)]
    done = run(batch_of(*paths))
    assert [image.image_id for image in done.images] == [100, 101, 102, 103, 104, 105]
    assert (done.unchanged, done.failures) == ((), ())
    vectors = unpack_vectors(done.vectors, 6, VGG16.dimension)
    for path, vector in zip(paths, vectors, strict=True):
        pixels = decode(path.read_bytes(), Preprocessing(), PictureSettings()).pixels
        assert vector == pytest.approx(seeded.embed(pixels[None])[0], abs=1e-6)


def test_a_picture_is_described_by_its_file(run: Any, seeded: SeededEmbedder, tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", 1)
    done = run(batch_of(path))
    image = done.images[0]
    found = path.stat()
    assert (image.size_bytes, image.mtime_ns) == (found.st_size, found.st_mtime_ns)
    assert image.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (image.width, image.height, image.format) == (320, 240, "JPEG")
    assert (done.job_id, done.batch_id, done.model) == ("job", 5, seeded.identity)


def test_equal_bytes_need_no_inference(run: Any, tmp_path: Path) -> None:
    same, other = save(tmp_path / "same.jpg", 1), save(tmp_path / "other.jpg", 2)
    digest = hashlib.sha256(same.read_bytes()).hexdigest()
    network = Counting()
    done = run(batch_of(same, other, known={100: digest, 101: digest}), embedder=network)
    assert [image.image_id for image in done.unchanged] == [100]
    assert done.unchanged[0].mtime_ns == same.stat().st_mtime_ns
    assert [image.image_id for image in done.images] == [101]
    assert network.sizes == [1]


def test_facts_are_told_where_they_are_asked_for_also_of_equal_bytes(run: Any, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0110] = "R5"
    read, same, broken = tmp_path / "read.jpg", save(tmp_path / "same.jpg", 2), tmp_path / "broken.jpg"
    read.write_bytes(encoded(photo_like(1), exif=exif))
    broken.write_bytes(read.read_bytes()[:300])
    batch = batch_of(read, same, broken, known={101: hashlib.sha256(same.read_bytes()).hexdigest()})
    asked = run(replace(batch, facts=(Fact.CAMERA,)))
    assert [image.facts for image in asked.images] == [{"exif.camera": "R5"}]
    assert [image.facts for image in asked.unchanged] == [{"exif.camera": None}]
    assert [failure.code for failure in asked.failures] == [FailureCode.TRUNCATED]
    assert [image.facts for image in (*run(batch).images, *run(batch).unchanged)] == [None, None]


def test_every_answer_repeats_the_key_that_its_picture_was_sent_with(run: Any, tmp_path: Path) -> None:
    read, same, broken = save(tmp_path / "read.jpg", 1), save(tmp_path / "same.jpg", 2), tmp_path / "broken.jpg"
    broken.write_bytes(b"broken")
    black = tmp_path / "black.png"
    Image.new("RGB", (300, 200)).save(black)
    known = {101: hashlib.sha256(same.read_bytes()).hexdigest()}
    done = run(batch_of(read, same, broken, black, known=known))
    assert [image.expected_version for image in done.images] == [1000]
    assert [(image.expected_version, image.sha256) for image in done.unchanged] == [(1010, known[101])]
    assert {failure.code: failure.expected_version for failure in done.failures} == {
        FailureCode.UNSUPPORTED_FORMAT: 1020,
        FailureCode.ZERO_VECTOR: 1030,
    }
    refused = run(batch_of(read, model="vgg16-max-512:another"))
    assert [(failure.code, failure.expected_version) for failure in refused.failures] == [("wrong_pipeline", 1000)]


def test_bad_pictures_cost_only_themselves(run: Any, tmp_path: Path) -> None:
    good = save(tmp_path / "good.jpg", 1)
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(good.read_bytes()[:3000])
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "folder.jpg").mkdir()
    Image.new("RGB", (1, 1)).save(tmp_path / "tiny.png")
    outside = tmp_path.parent / "outside.jpg"
    expected = {
        cut: FailureCode.TRUNCATED,
        tmp_path / "text.jpg": FailureCode.UNSUPPORTED_FORMAT,
        tmp_path / "empty.jpg": FailureCode.EMPTY,
        tmp_path / "gone.jpg": FailureCode.VANISHED,
        tmp_path / "folder.jpg": FailureCode.NOT_A_FILE,
        tmp_path / "tiny.png": FailureCode.TOO_SMALL,
        outside: FailureCode.FORBIDDEN,
    }
    done = run(batch_of(*expected, good))
    assert [failure.code for failure in done.failures] == list(expected.values())
    assert [failure.image_id for failure in done.failures] == list(range(100, 107))
    assert all(failure.reason and str(tmp_path) not in failure.reason for failure in done.failures)
    assert [image.image_id for image in done.images] == [107]


def test_a_picture_without_direction_fails_as_zero_vector(run: Any, tmp_path: Path) -> None:
    Image.new("RGB", (300, 200)).save(tmp_path / "black.png")
    done = run(batch_of(tmp_path / "black.png", save(tmp_path / "a.jpg", 1)))
    assert [(failure.image_id, failure.code) for failure in done.failures] == [(100, FailureCode.ZERO_VECTOR)]
    assert [image.image_id for image in done.images] == [101]
    assert np.isfinite(unpack_vectors(done.vectors, 1, VGG16.dimension)).all()


@pytest.mark.parametrize(
    ("error", "code"),
    [(RuntimeError("surprise"), FailureCode.UNREADABLE), (MemoryError(), FailureCode.TOO_LARGE)],
)
def test_an_unknown_error_costs_only_its_picture(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: FailureCode
) -> None:
    paths = [save(tmp_path / f"{seed}.jpg", seed) for seed in range(3)]
    poison = paths[1].read_bytes()

    def surprising(data: bytes, *rest: Any) -> Any:
        if data == poison:
            raise error
        return decode(data, *rest)

    monkeypatch.setattr(reading, "decode", surprising)
    done = run(batch_of(*paths))
    assert [(failure.image_id, failure.code) for failure in done.failures] == [(101, code)]
    assert len(done.images) == 2


class Away:
    """Read a picture from a store that answers at the third time, or never."""

    def __init__(self, stopping: Event | None = None) -> None:
        self.stopping = stopping
        self.tries = 0

    def __call__(self, path: str, roots: Roots, limits: PictureSettings) -> tuple[bytes, FileFacts]:
        self.tries += 1
        if self.tries < 3 or self.stopping is not None:
            if self.stopping is not None and self.tries == 3:
                self.stopping.set()
            raise StoreUnavailable("uploads", "away in this test")
        return read_file(path, roots, limits)


def test_an_object_store_that_is_away_is_waited_for(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "read_file", Away())
    done = run(batch_of(save(tmp_path / "a.jpg", 1)))
    assert (len(done.images), done.failures) == (1, ())


def test_a_worker_that_stops_hands_back_what_an_object_store_did_not_give(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = Event()
    monkeypatch.setattr(reading, "read_file", Away(stopping))
    with pytest.raises(StoreUnavailable):
        run(batch_of(save(tmp_path / "a.jpg", 1)), stopping=stopping)


def test_another_network_refuses_the_batch_and_reads_nothing(
    run: Any, seeded: SeededEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "read_file", lambda *_: pytest.fail("a file was read"))
    other = "vgg16-max-512:" + "ab" * 32
    done = run(batch_of(tmp_path / "a.jpg", tmp_path / "b.jpg", model=other))
    assert [failure.code for failure in done.failures] == [FailureCode.WRONG_PIPELINE] * 2
    reason = done.failures[0].reason
    assert "vgg16-max-512:abababababab," in reason
    assert seeded.identity in reason
    assert "set WEIGHTS to" in reason
    assert (done.images, done.vectors) == ((), b"")


def test_its_own_network_accepts_the_batch(run: Any, seeded: SeededEmbedder, tmp_path: Path) -> None:
    assert len(run(batch_of(save(tmp_path / "a.jpg", 1), model=seeded.identity)).images) == 1


def test_preprocessing_that_this_version_does_not_know_is_refused(run: Any, tmp_path: Path) -> None:
    items = (ExtractItem(100, str(save(tmp_path / "a.jpg", 1)), None, 0),)
    done = run(ExtractBatch("job", 5, None, {"sharpen": 3}, items))
    assert done.failures[0].code == FailureCode.WRONG_PIPELINE
    assert "sharpen" in done.failures[0].reason


def test_the_batchs_preprocessing_is_what_is_done(run: Any, seeded: SeededEmbedder, tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", 1)
    smooth = Preprocessing(resize="lanczos")
    done = run(ExtractBatch("job", 5, None, smooth.to_dict(), (ExtractItem(100, str(path), None, 0),)))
    expected = seeded.embed(decode(path.read_bytes(), smooth, PictureSettings()).pixels[None])
    assert unpack_vectors(done.vectors, 1, VGG16.dimension) == pytest.approx(expected, abs=1e-6)


def test_a_batch_that_asks_for_what_the_network_cannot_do_is_refused_unread(run: Any, tmp_path: Path) -> None:
    network = Counting()
    network.spec = replace(network.spec, has_one_side=True, pooling=UNPOOLED)
    for options, rule in ((Preprocessing(side=320), "side"), (Preprocessing(pooling="gem"), "pooling")):
        item = ExtractItem(100, str(tmp_path / "gone.jpg"), None, 0)
        done = run(ExtractBatch("job", 5, None, options.to_dict(), (item,)), embedder=network)
        assert [failure.code for failure in done.failures] == [FailureCode.WRONG_PIPELINE]
        assert f"preprocessing.{rule}: " in done.failures[0].reason
    assert network.sizes == []


def test_an_empty_batch_ends_empty(run: Any) -> None:
    done = run(batch_of())
    assert (done.images, done.unchanged, done.failures, done.vectors) == ((), (), (), b"")


def test_no_pass_is_larger_than_the_compute_batch(run: Any, tmp_path: Path) -> None:
    network = Counting()
    run(batch_of(*[save(tmp_path / f"{seed}.jpg", seed) for seed in range(10)]), embedder=network)
    assert network.sizes == [4, 4, 2]


def test_pictures_are_decoded_while_the_network_computes(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [save(tmp_path / f"{seed}.jpg", seed) for seed in range(6)]
    last_decoded = Event()

    def telling(data: bytes, *rest: Any) -> Any:
        picture = decode(data, *rest)
        if data == paths[-1].read_bytes():
            last_decoded.set()
        return picture

    class Waiting(SeededEmbedder):
        def embed(self, pixels: Pixels, pooling: Pooling | None = None) -> Vectors:
            assert last_decoded.wait(TIMEOUT), "the next pictures wait for the network"
            return super().embed(pixels, pooling)

    monkeypatch.setattr(reading, "decode", telling)
    assert len(run(batch_of(*paths), embedder=Waiting()).images) == 6


def test_a_stopping_worker_hands_the_batch_back_after_the_pass_in_hand(run: Any, tmp_path: Path) -> None:
    stopping = Event()

    class Stopping(Counting):
        def embed(self, pixels: Pixels, pooling: Pooling | None = None) -> Vectors:
            stopping.set()
            return super().embed(pixels, pooling)

    network = Stopping()
    paths = [save(tmp_path / f"{seed}.jpg", seed) for seed in range(9)]
    with pytest.raises(HandedBack, match="after 4 of 9"):
        run(batch_of(*paths), embedder=network, stopping=stopping)
    assert network.sizes == [4]


def test_a_batch_whose_last_pass_is_in_hand_is_finished(run: Any, tmp_path: Path) -> None:
    stopping = Event()

    class Stopping(SeededEmbedder):
        def embed(self, pixels: Pixels, pooling: Pooling | None = None) -> Vectors:
            stopping.set()
            return super().embed(pixels, pooling)

    assert len(run(batch_of(save(tmp_path / "a.jpg", 1)), embedder=Stopping(), stopping=stopping).images) == 1


def test_a_network_that_fails_for_a_while_is_tried_again(run: Any, tmp_path: Path) -> None:
    class Flaky(Counting):
        def embed(self, pixels: Pixels, pooling: Pooling | None = None) -> Vectors:
            vectors = super().embed(pixels, pooling)
            if len(self.sizes) < 3:
                raise ComputeFailed("no memory")
            return vectors

    network = Flaky()
    assert len(run(batch_of(save(tmp_path / "a.jpg", 1)), embedder=network).images) == 1
    assert network.sizes == [1, 1, 1]


def test_a_network_that_keeps_failing_hands_the_batch_back_when_told_to_stop(run: Any, tmp_path: Path) -> None:
    stopping = Event()

    class Broken(Counting):
        def embed(self, pixels: Pixels, pooling: Pooling | None = None) -> Vectors:
            if len(self.sizes) == 1:
                stopping.set()
            super().embed(pixels, pooling)
            raise ComputeFailed("no memory")

    with pytest.raises(ComputeFailed):
        run(batch_of(save(tmp_path / "a.jpg", 1)), embedder=Broken(), stopping=stopping)


@contextmanager
def running(*threads: Thread) -> Iterator[None]:
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join(TIMEOUT)


def test_two_batches_share_the_reading_threads(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [save(tmp_path / f"{seed}.jpg", seed) for seed in range(4)]
    inside, most = [], []

    def counting(data: bytes, *rest: Any) -> Any:
        inside.append(1)
        most.append(len(inside))
        picture = decode(data, *rest)
        inside.pop()
        return picture

    monkeypatch.setattr(reading, "decode", counting)
    done: list[IndexBatch] = []
    with running(*(Thread(target=lambda: done.append(run(batch_of(*paths)))) for _ in range(3))):
        pass
    assert [len(batch.images) for batch in done] == [4, 4, 4]
    assert max(most) <= 2


def test_a_batch_of_a_bound_key_reads_only_below_its_directories(run: Any, tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    for folder in (mine, theirs):
        folder.mkdir()
        save(folder / "a.jpg", 1)
    # A link that was put there behind the planning.
    (mine / "b.jpg").symlink_to(theirs / "a.jpg")
    batch = batch_of(mine / "a.jpg", mine / "b.jpg", theirs / "a.jpg")
    done = run(replace(batch, bound_roots=(str(mine.resolve()),)))
    assert [image.image_id for image in done.images] == [100]
    assert {failure.image_id: failure.code for failure in done.failures} == {
        101: FailureCode.FORBIDDEN,
        102: FailureCode.FORBIDDEN,
    }
    assert [image.image_id for image in run(batch).images] == [100, 101, 102]
