"""An ONNX file that asks for more than there is costs a process that has limits, and not the worker."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from imagesearch.errors import WeightsUnavailable
from imagesearch_extractor.file_loading import load_file_network, try_confined

SIDE = 32
DESCRIPTION = f'name = "mine"\nside = {SIDE}\ndimension = 3\n'


def saved(folder: Path, nodes: Sequence[onnx.NodeProto], arrays: dict[str, np.ndarray] | None = None) -> Path:
    """Save a network whose output is `vector`, the mean colours, after some nodes."""
    pooled = [
        helper.make_node("GlobalAveragePool", ["taken"], ["means"]),
        helper.make_node("Flatten", ["means"], ["vector"]),
    ]
    graph = helper.make_graph(
        [*nodes, *pooled],
        "small",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(array, name) for name, array in (arrays or {}).items()],
    )
    path = folder / "mine.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    path.with_suffix(".toml").write_text(DESCRIPTION)
    return path


def many(number: int) -> dict[str, np.ndarray]:
    return {"shape": np.array([number], np.int64)}


FOLDED = (
    helper.make_node("ConstantOfShape", ["shape"], ["many"]),
    helper.make_node("ReduceSum", ["many"], ["none"], keepdims=0),
    helper.make_node("Add", ["picture", "none"], ["taken"]),
)
"""A constant that is computed while the graph is opened."""
GROWN = (
    helper.make_node("ReduceMax", ["picture"], ["largest"], keepdims=0),
    helper.make_node("Expand", ["largest", "shape"], ["many"]),
    helper.make_node("ReduceMin", ["many"], ["smallest"], keepdims=0),
    helper.make_node("Add", ["picture", "smallest"], ["taken"]),
)
"""A tensor that grows while a picture is computed."""


def refused(path: Path, cpu_seconds: int = 60) -> str:
    with pytest.raises(WeightsUnavailable) as caught:
        try_confined(path, "", compute_batch=2, cpu_seconds=cpu_seconds)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("WEIGHTS=")
    return message


@pytest.mark.parametrize("nodes", [FOLDED, GROWN], ids=["opened", "run"])
@pytest.mark.parametrize("number", [1 << 33, 1 << 50])
def test_a_network_that_asks_for_more_memory_than_there_is_is_refused(
    nodes: Sequence[onnx.NodeProto], number: int, tmp_path: Path
) -> None:
    assert "cannot be used" in refused(saved(tmp_path, nodes, many(number)))


@pytest.mark.parametrize("nodes", [FOLDED, GROWN], ids=["opened", "run"])
def test_one_that_asks_for_a_little_is_tried_and_opened(nodes: Sequence[onnx.NodeProto], tmp_path: Path) -> None:
    path = saved(tmp_path, nodes, many(8))
    network = load_file_network(str(path), sha256="", compute_batch=2)
    assert network.sha256 == try_confined(path, network.sha256, compute_batch=2)
    assert network.embed(np.full((1, SIDE, SIDE, 3), 90, np.uint8)) == pytest.approx(np.full((1, 3), 3**-0.5))


def test_a_network_that_never_ends_is_given_up(tmp_path: Path) -> None:
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["goes_on"], ["goes_on_too"]),
            helper.make_node("Sin", ["state"], ["next"]),
        ],
        "turn",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("goes_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("goes_on_too", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, None),
        ],
    )
    path = saved(tmp_path, [helper.make_node("Loop", ["", "", "picture"], ["taken"], body=body)])
    assert "after 2 s of CPU" in refused(path, cpu_seconds=2)


def test_what_is_wrong_with_a_file_is_said_as_it_was(tmp_path: Path) -> None:
    path = saved(tmp_path, FOLDED, many(8))
    path.with_suffix(".toml").write_text(DESCRIPTION.replace("= 3\n", "= 4\n"))
    assert "its output has the shape [1, 3], not [1, 4]" in refused(path)
    with pytest.raises(WeightsUnavailable, match="WEIGHTS_SHA256 says"):
        load_file_network(str(path), sha256="ab" * 32, compute_batch=2)
