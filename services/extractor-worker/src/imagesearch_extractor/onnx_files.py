"""Open networks in ONNX files, and run them on the CPU. Nothing in a file is code, and none names another file.

Operators are ONNX Runtime's own: libraries with further ones are never loaded, and what asks for one is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnxruntime.capi import onnxruntime_pybind11_state as ort  # type: ignore[import-untyped]

from imagesearch_extractor.cpu import usable_cpus
from imagesearch_extractor.descriptions import Description
from imagesearch_extractor.models import Images, Model, ModelFailed, ModelRejected

DOMAINS: Final = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
"""Of the operators that ONNX Runtime brings."""
FOREIGN: Final = ("EPContext",)
"""Operators of these domains that take what they do from another file."""
TYPES: Final[dict[str, npt.DTypeLike]] = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
ERRORS: Final = (
    ort.Fail,
    ort.InvalidArgument,
    ort.InvalidGraph,
    ort.InvalidProtobuf,
    ort.NotImplemented,
    ort.RuntimeException,
)
SHOWN = 8
"""Names that a message lists."""


class OnnxModel(Model):
    """Run an ONNX network.

    Raises:
        ModelRejected: the file is damaged, asks for what is not allowed, or has no such input or output.
    """

    layout = "channels_first"

    def __init__(self, content: bytes, description: Description) -> None:
        proto = _parsed(content)
        _check(proto)
        output = _keep_output(proto.graph, description.output)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = usable_cpus()
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except ERRORS as error:
            raise ModelRejected(f"ONNX Runtime refuses it: {_first_line(error)}") from error
        self._output = output
        self._input = _input(self._session.get_inputs(), description.input)
        if self._input.type not in TYPES:
            raise ModelRejected(
                f"its input {self._input.name!r} takes {self._input.type}, not floating point numbers"
            )
        self._dtype = TYPES[self._input.type]
        self.batch = _batch(self._input, description, description.layout or self.layout)

    def run(self, images: Images) -> Images:
        """Return the output for some pictures."""
        try:
            (found,) = self._session.run(
                [self._output], {self._input.name: images.astype(self._dtype, copy=False)}
            )
        except ERRORS as error:
            raise ModelFailed(_first_line(error)) from error
        return np.asarray(found, dtype=np.float32)


def _parsed(content: bytes) -> onnx.ModelProto:
    try:
        proto = onnx.ModelProto()
        proto.ParseFromString(content)
    except DecodeError as error:
        raise ModelRejected("it is no ONNX file, or only a part of one") from error
    if not proto.graph.node:
        raise ModelRejected("it is no ONNX file, or only a part of one: there is no operator in it")
    return proto


def _check(proto: onnx.ModelProto) -> None:
    """Refuse tensors that lie in other files, and operators that are not ONNX Runtime's own."""
    functions = {(function.domain, function.name) for function in proto.functions}
    nodes = list(_nodes(proto.graph))
    for function in proto.functions:
        nodes += [each for node in function.node for each in _with_inner(node)]
    for node in nodes:
        if (node.domain, node.op_type) in functions:
            continue
        if node.domain not in DOMAINS or node.op_type in FOREIGN:
            raise ModelRejected(f"the operator {node.domain}.{node.op_type} is not one of ONNX Runtime's own")
    tensors = [*proto.graph.initializer, *(each.values for each in proto.graph.sparse_initializer)]
    for node in nodes:
        for attribute in node.attribute:
            tensors += [attribute.t, *attribute.tensors, attribute.sparse_tensor.values]
            for graph in (attribute.g, *attribute.graphs):
                tensors += [*graph.initializer, *(each.values for each in graph.sparse_initializer)]
    for tensor in tensors:
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise ModelRejected(
                f"the numbers of {tensor.name!r} lie in another file; save the network as one file "
                "(save_as_external_data=False)"
            )


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    for node in graph.node:
        yield from _with_inner(node)


def _with_inner(node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
    yield node
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            yield from _nodes(graph)


def _keep_output(graph: onnx.GraphProto, wanted: str | None) -> str:
    """Make one tensor the only output, so that nothing else is computed, and return its name."""
    names = [each.name for each in graph.output]
    if wanted is None and len(names) != 1:
        raise ModelRejected(f"it has several outputs; name one as `output`: {_listed(names)}")
    name = wanted if wanted is not None else names[0]
    known = {*names, *(output for node in graph.node for output in node.output)}
    if name not in known:
        raise ModelRejected(f"there is no output {name!r} in it; its outputs are {_listed(names)}")
    kept = [each for each in graph.output if each.name == name] or [onnx.ValueInfoProto(name=name)]
    del graph.output[:]
    graph.output.extend(kept)
    return name


def _input(inputs: Sequence[Any], wanted: str | None) -> Any:
    names = [each.name for each in inputs]
    if wanted is None and len(names) == 1:
        return inputs[0]
    if wanted is None:
        raise ModelRejected(f"it has several inputs; name one as `input`: {_listed(names)}")
    if names != [wanted]:
        raise ModelRejected(f"its inputs are {_listed(names)}, and {wanted!r} alone is filled")
    return inputs[0]


def _batch(taken: Any, description: Description, layout: str) -> int | None:
    """Return how many pictures a pass takes; None for any number.

    Raises:
        ModelRejected: the input is not of one picture's shape.
    """
    side = description.side
    wanted: list[int] = [3, side, side] if layout == "channels_first" else [side, side, 3]
    shape = list(taken.shape)
    fits = len(shape) == 4 and all(
        not isinstance(found, int) or found == size for found, size in zip(shape[1:], wanted, strict=True)
    )
    if not fits:
        raise ModelRejected(
            f"its input {taken.name!r} has the shape {shape}; the description says "
            f"[n, {', '.join(map(str, wanted))}] ({layout})"
        )
    return shape[0] if isinstance(shape[0], int) else None


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(repr(name[:60]) for name in names[:SHOWN]) + more


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
