"""Find what has been uploaded by the digests of its bytes."""

from __future__ import annotations

from collections.abc import Sequence

from imagesearch.catalog import images
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.images import Image
from imagesearch.errors import Conflict, ConflictCode
from imagesearch.files.roots import UploadStore


def find_uploads(
    tx: Transaction, uploads: UploadStore | None, collection: Collection, digests: Sequence[str], partition: str
) -> list[Image]:
    """Return the indexed images that uploads of these contents made in a partition, in the order of the digests.

    Each is found by its path, for uploads lie where their digests say. Those of one partition lie together, and no
    other is looked into: nobody learns what somebody else has.

    Raises:
        Conflict: uploads are not set up.
    """
    if uploads is None:
        raise Conflict("Uploads are switched off: UPLOAD_ROOT is not set.", ConflictCode.UPLOADS_OFF)
    places = [
        str(place)
        for digest in dict.fromkeys(digests)
        for place in uploads.places_of(collection.id, partition, digest)
    ]
    found = images.indexed_by_paths(tx, collection.id, places)
    return [found[place] for place in places if place in found and found[place].partition == partition]
