"""The port to a network that lies in a file, and what is wrong with one."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from imagesearch_extractor.descriptions import Layout

Images = npt.NDArray[np.float32]


class ModelRejected(Exception):
    """A file cannot be used; the message is one line that says why."""


class ModelFailed(Exception):
    """A network could not be run; the message is one line."""


class Model(ABC):
    """Run a network on preprocessed pictures.

    Attributes:
        layout: of its kind of files, where the description names none.
        batch: pictures that each pass has to have; None for any number.
    """

    layout: Layout
    batch: int | None

    @abstractmethod
    def run(self, images: Images) -> Images:
        """Return the output for pictures, float32 of any shape with a row for each.

        Args:
            images: float32[n, ...] in the network's layout.

        Raises:
            ModelFailed: it could not be run.
        """
