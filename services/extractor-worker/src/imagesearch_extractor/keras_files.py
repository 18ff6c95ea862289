"""Run networks that Keras saved whole. Importing this module imports TensorFlow."""

from __future__ import annotations

from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf

from imagesearch_extractor.descriptions import Description
from imagesearch_extractor.models import Images, Model, ModelFailed, ModelRejected
from imagesearch_extractor.networks.code import use_keras_defaults

SHOWN: Final = 8
"""Names that a message lists."""


class KerasModel(Model):
    """Run a network from an archive that `copy_clean` wrote.

    Raises:
        ModelRejected: Keras cannot build it, or it has no such input or output.
    """

    layout = "channels_last"
    batch = None

    def __init__(self, path: str, description: Description) -> None:
        use_keras_defaults()
        if description.input is not None:
            raise ModelRejected("a Keras file has one input, which is taken: leave `input` out of its description")
        model = _loaded(path)
        layout = description.layout or self.layout
        side = description.side
        wanted = (None, 3, side, side) if layout == "channels_first" else (None, side, side, 3)
        if len(model.inputs) != 1 or not _fits(tuple(model.inputs[0].shape), wanted):
            shapes = ", ".join(str(tuple(each.shape)) for each in model.inputs)
            raise ModelRejected(f"its input has the shape {shapes}; the description says {wanted} ({layout})")
        taken = keras.Model(model.inputs[0], _output(model, description.output))
        taken.trainable = False
        signature = tf.TensorSpec(wanted, tf.float32)
        self._forward = tf.function(lambda images: taken(images, training=False), input_signature=[signature])

    def run(self, images: Images) -> Images:
        """Return the output for some pictures."""
        try:
            return np.asarray(self._forward(tf.constant(images)), dtype=np.float32)
        except tf.errors.OpError as error:
            raise ModelFailed(type(error).__name__) from error


def _loaded(path: str) -> Any:
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        # Keras raises what comes to it where a description makes no model: TypeError, KeyError, IndexError ...
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelRejected(f"Keras cannot build it: {lines[0][:300]}") from error
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise ModelRejected("it is no model with an input")
    return model


def _fits(shape: tuple[int | None, ...], wanted: tuple[int | None, ...]) -> bool:
    if len(shape) != len(wanted):
        return False
    return all(size is None or size == expected for size, expected in zip(shape, wanted, strict=True))


def _output(model: Any, wanted: str | None) -> Any:
    """Return the tensor that a layer gives, or the model's only output."""
    if wanted is None:
        if len(model.outputs) != 1:
            raise ModelRejected("it has several outputs; name a layer as `output`")
        return model.outputs[0]
    names = [layer.name for layer in model.layers]
    if wanted not in names:
        raise ModelRejected(f"there is no layer {wanted!r} in it; its last ones are {', '.join(names[-SHOWN:])}")
    found = model.get_layer(wanted).output
    if isinstance(found, list | tuple):
        raise ModelRejected(f"the layer {wanted!r} has several outputs")
    return found
