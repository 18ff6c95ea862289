"""What becomes of a lost batch, decided without a store."""

from __future__ import annotations

import pytest

from imagesearch_indexer.reconcile.lost_batches import Remedy, remedy


@pytest.mark.parametrize(
    ("crashes", "open_images", "expected"),
    [
        (0, 32, Remedy.AGAIN),
        (2, 32, Remedy.AGAIN),
        (3, 1, Remedy.AGAIN),
        (3, 32, Remedy.HALVES),
        (4, 2, Remedy.HALVES),
        (4, 1, Remedy.FAILURE),
        (4, 0, Remedy.FAILURE),
    ],
)
def test_a_batch_that_kills_its_workers_is_halved_until_one_picture_fails(
    crashes: int, open_images: int, expected: Remedy
) -> None:
    assert remedy(crashes, open_images, poison_crashes=3) is expected
