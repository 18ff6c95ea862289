"""Vectors as arrays of numpy, which this package does not need for anything else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imagesearch_client.errors import ClientError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def float_array(vectors: Sequence[Sequence[float] | None]) -> NDArray[np.float32]:
    """Return vectors as float32 of shape (vectors, numbers).

    Raises:
        ClientError: one is missing, or numpy is not there.
    """
    try:
        import numpy as np  # noqa: PLC0415 - only those who want arrays need it
    except ModuleNotFoundError:
        raise ClientError("arrays need numpy: pip install numpy") from None
    if any(vector is None for vector in vectors):
        raise ClientError('a result has no vector: ask for it by include=["vector"]')
    return np.asarray(vectors, np.float32).reshape(len(vectors), -1) if vectors else np.empty((0, 0), np.float32)
