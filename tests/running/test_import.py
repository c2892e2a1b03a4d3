"""Networks become models: operations as published, parameters, crossing tensors, exits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx_builder import Builder, save
from onnx_networks import DIMS, EXITS, SMALL, bert, early_exits, mobilenet_v2, plain, resnet, tied, unet, vit

from planner.fin.instance.dataflow import dataflow_of
from planner.running.graph.blocks import single_tensor_boundaries
from planner.running.graph.bundle import Bundle, read_bundle, write_bundle
from planner.running.graph.flow import trace_flow
from planner.running.graph.importing import import_onnx
from planner.running.graph.options import ImportOptions
from planner.running.network.folding import fold
from planner.running.network.reading import fix_dimensions
from planner.schemas import InputError


def imported(model: object, folder: Path, **options: object) -> Bundle:
    return import_onnx(save(model, folder / "net.onnx"), ImportOptions(**{"accuracy": 0.5, **options}))  # type: ignore[arg-type]


def ops_of(bundle: Bundle) -> float:
    return sum(block.ops for block in bundle.model.blocks) + sum(head.ops for head in bundle.model.exits)


PUBLISHED = {
    # two operations for a multiply-accumulate; sources of the counts beside each
    "resnet-18": (lambda: resnet([2, 2, 2, 2], False, flat=True), 2 * 1.814e9),  # torchvision's documentation
    "resnet-50": (lambda: resnet([3, 4, 6, 3], True, flat=True), 2 * 4.089e9),  # torchvision's documentation
    "mobilenet-v2": (lambda: mobilenet_v2(flat=True), 2 * 0.3008e9),  # torchvision's documentation
    "vit-s": (lambda: vit(shared=True), 2 * 4.6e9),  # DeiT (ICML 2021), table 5: 4.6 billion
    "bert": (bert, 22.5e9),  # TinyBERT (EMNLP 2020), table 1
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_operations_are_those_published_to_two_percent(name: str, tmp_path: Path) -> None:
    build, published = PUBLISHED[name]
    bundle = imported(build(), tmp_path)
    assert ops_of(bundle) == pytest.approx(published, rel=0.02)
    assert 2 <= len(bundle.model.blocks) <= 12
    assert max(block.ops for block in bundle.model.blocks) < 0.35 * published


def test_tied_parameters_have_a_name_and_count_once(tmp_path: Path) -> None:
    bundle = imported(tied(2000, 16), tmp_path, dims={"batch": 1})
    own = (16 * 64 + 64) + (64 * 16 + 16) + 2 * 16
    assert sum(block.param_bytes for block in bundle.model.blocks) == pytest.approx(4 * own, rel=0.02)
    assert bundle.model.params == {"w0": 4.0 * 2000 * 16}, "the name is that of the file"
    users = [block.name for block in bundle.model.blocks if block.params]
    assert users == [bundle.model.blocks[0].name, bundle.model.blocks[-1].name]
    summed = imported(tied(2000, 16), tmp_path, dims={"batch": 1}, chain=True).model
    assert not summed.params
    assert [b.param_bytes for b in summed.blocks] == [
        b.param_bytes + sum(bundle.model.params[name] for name in b.params) for b in bundle.model.blocks
    ]


def test_parameters_are_those_of_the_file(tmp_path: Path) -> None:
    bundle = imported(resnet([1, 1], False, 4, 32), tmp_path)
    expected = sum(np.prod(c.dims) for c in onnx.load(str(tmp_path / "net.onnx")).graph.initializer) * 4
    assert sum(block.param_bytes for block in bundle.model.blocks) == expected


def test_working_memory_is_what_lives_at_once(tmp_path: Path) -> None:
    """By hand, for y = Relu(x W) of two layers: input and product, product and its Relu, ..."""
    bundle = imported(plain(1, 512), tmp_path, blocks=1)
    (block,) = bundle.model.blocks
    assert block.working_bytes == 4 * 512 * 2, "an input and an output of 512 floats are the most at once"
    b = imported(unet(), tmp_path, cuts="any").model.blocks
    a = 16 * 32 * 32 * 4
    # the last block holds the first skip, the output of the block before, and what ConvTranspose and Concat make of it
    before, up, both = 32 * 16 * 16 * 4, a, 2 * a
    assert b[-1].inputs is not None
    assert b[-1].working_bytes == max(a + before + up, a + up + both)


@pytest.mark.parametrize("name", SMALL)
def test_bits_that_cross_a_chain_are_those_of_the_tensors(name: str, tmp_path: Path) -> None:
    bundle = imported(SMALL[name](), tmp_path, dims=DIMS.get(name, {}), exits=EXITS.get(name, ()), chain=True)
    model, cuts = bundle.model, bundle.cuts
    assert all(block.inputs is None for block in model.blocks)
    for block, boundary in zip(model.blocks, cuts.boundaries, strict=False):
        assert block.output_bits == sum(tensor.bits for tensor in boundary.tensors) > 0
        for tensor in boundary.tensors:
            assert tensor.bits == np.prod(tensor.shape) * np.dtype(tensor.dtype).itemsize * 8
    assert model.input_bits == sum(tensor.bits for tensor in cuts.inputs)
    assert len(onnx.load_model_from_string(bundle.graph).graph.node) >= cuts.blocks[-1].stop


@pytest.mark.parametrize("cuts", ["auto", "single", "any"])
@pytest.mark.parametrize("name", SMALL)
def test_what_blocks_read_is_what_crosses_every_boundary(name: str, cuts: str, tmp_path: Path) -> None:
    """The oracle is another walk over the graph: the tensors that cross a boundary, each of them once."""
    options = {"dims": DIMS.get(name, {}), "exits": EXITS.get(name, ()), "cuts": cuts}
    bundle = imported(SMALL[name](), tmp_path, **options)
    flow = dataflow_of(bundle.model)
    if cuts == "single" and name != "exits-skips":  # an exit inside of a skip ends a block there too
        assert flow.is_chain
    for index, boundary in enumerate(bundle.cuts.boundaries):
        crossing = {tensor for read, tensor in zip(flow.reader, flow.tensor, strict=True) if read > index}
        bits = sum(flow.bits[tensor] for tensor in crossing if flow.producer[tensor] <= index)
        assert bits == sum(tensor.bits for tensor in boundary.tensors), boundary.after
    again = imported(SMALL[name](), tmp_path, **options, chain=True)
    assert again.cuts == bundle.cuts, "only the model's view of the same blocks differs"


def test_a_chain_where_single_tensors_cut_finely_enough_and_skips_elsewhere(tmp_path: Path) -> None:
    options = {name: {"dims": DIMS.get(name, {}), "exits": EXITS.get(name, ())} for name in SMALL}
    models = {name: imported(SMALL[name](), tmp_path, **options[name]).model for name in SMALL}
    chains = {name for name, model in models.items() if dataflow_of(model).is_chain}
    assert chains == set(SMALL) - {"unet", "two-inputs", "inception", "exits-skips"}
    blocks = models["unet"].blocks
    skips = {block.name: [row.block for row in block.inputs] for block in blocks if block.inputs}
    assert skips == {"block4": ["block2", "block3"], "block5": ["block1", "block4"]}
    assert [block.output_bits for block in blocks[:2]] == [16 * 32 * 32 * 32, 32 * 16 * 16 * 32]


def test_a_bundle_is_read_as_it_was_written(tmp_path: Path) -> None:
    bundle = imported(early_exits(), tmp_path, exits=("e1", "e2"))
    write_bundle(bundle, tmp_path / "net")
    held = read_bundle(tmp_path / "net")
    assert (held.model, held.cuts, held.graph) == (bundle.model, bundle.cuts, bundle.graph)
    again = imported(early_exits(), tmp_path, exits=("e1", "e2"))
    assert again == bundle, "two imports of one file are the same"
    (tmp_path / "net" / "graph.onnx").write_bytes(bundle.graph + b"\0")
    with pytest.raises(InputError, match="hash differs"):
        read_bundle(tmp_path / "net")


def test_heads_hang_where_their_last_input_is_made(tmp_path: Path) -> None:
    bundle = imported(early_exits(softmax=True), tmp_path, exits=("e2", "e1"))
    graph = onnx.load_model_from_string(bundle.graph).graph
    e1, e2, y = bundle.cuts.exits
    assert (e1.name, e2.name, y.name) == ("e1", "e2", "y")
    assert [graph.node[index].op_type for index in e1.nodes] == ["GlobalAveragePool", "Flatten", "Gemm", "Softmax"]
    assert (e1.activation, e2.activation) == ("softmax", "none")
    ends = {block.name: graph.node[block.stop - 1].op_type for block in bundle.cuts.blocks}
    assert (ends[e1.after], ends[e2.after]) == ("Relu", "Add")
    assert y.after == bundle.model.blocks[-1].name


def test_no_boundary_of_a_unet_saves_bits_and_it_is_said(tmp_path: Path) -> None:
    bundle = imported(unet(), tmp_path)
    assert any("no split saves bits" in note for note in bundle.notes)
    assert not any("no split saves bits" in note for note in imported(SMALL["resnet"](), tmp_path).notes)


def test_known_numbers_of_single_tensor_cuts() -> None:
    for layers in ([2, 2, 2, 2], [3, 4, 6, 3]):
        folded = fold(resnet(layers, layers[2] == 6, 4, 32), "net")
        # behind the three layers of the stem, the sum and the Relu of every block, pooling and flattening
        known = 3 + 2 * sum(layers) + 2
        assert len(single_tensor_boundaries(trace_flow(folded, (), (), "net"))) == known


def test_crossings_in_one_pass_are_those_of_each_boundary() -> None:
    for name, build in SMALL.items():
        model = build()
        fix_dimensions(model, DIMS.get(name, {}), name)
        flow = trace_flow(fold(model, name), EXITS.get(name, ()), (), name)
        for place, found in enumerate(flow.crossings()):
            assert found == set(flow.crossing(place)), (name, place)


def problem(folder: Path, model: object, **options: object) -> str:
    with pytest.raises(InputError) as caught:
        imported(model, folder, **options)
    return str(caught.value)


def test_wrong_exits_and_dimensions_are_told_with_the_fix(tmp_path: Path) -> None:
    assert "use one of e1, e2, y" in problem(tmp_path, early_exits(), exits=("e9",))
    assert "named twice" in problem(tmp_path, early_exits(), exits=("e1", "e1"))
    assert "no output is left" in problem(tmp_path, plain(), exits=("y",))
    assert "give planner import --dim batch=1" in problem(tmp_path, tied())
    model = plain()
    for axis, name in enumerate(("batch size", "width")):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = name
    assert "--dim 'x[0]'=SIZE --dim width=SIZE" in problem(tmp_path, model), "both in one message, quoted for a shell"
    assert "dimensions of the inputs are open: x[batch size, width]" in problem(tmp_path, model)
    assert "no such open dimension" in problem(tmp_path, plain(), dims={"batch": 2})
    assert "nothing says when samples leave" in problem(tmp_path, early_exits(), accuracy=None, exits=("e1",))
    model = plain()
    model.graph.node.append(onnx.helper.make_node("Relu", ["x"], ["z"]))
    model.graph.output.append(onnx.helper.make_tensor_value_info("z", 1, None))
    assert "no function of the backbone" in problem(tmp_path, model, exits=("z",))


def test_files_that_cannot_run_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no network", encoding="utf-8")
    for name in ("text.onnx", "missing.onnx"):
        with pytest.raises(InputError):
            import_onnx(tmp_path / name, ImportOptions(accuracy=0.5))
    model = plain()
    model.graph.node[0].domain = "my.own"
    assert "custom operators" in problem(tmp_path, model)
    model = plain()
    model.opset_import[0].version = 999
    told = problem(tmp_path, model)
    assert "it has opset 999, and this ONNX Runtime knows opsets up to" in told
    assert "export it with opset" in told
    model = plain()
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.STRING
    assert problem(tmp_path, model)


def test_inputs_that_hold_sizes_are_named_where_random_ones_do_not_run(tmp_path: Path) -> None:
    b = Builder()
    b.add("Relu", b.add("Reshape", "x", "shape"), name="y")
    model = b.model({"x": [2, 4], "shape": [1]}, ["y"], {"shape": onnx.TensorProto.INT64})
    told = problem(tmp_path, model)
    assert "give planner import --value shape=NUMBER" in told
    assert "requested shape" in told
    assert "onnxruntime_src" not in told
    assert imported(model, tmp_path, values={"shape": 8}).cuts.exits[-1].outputs[0].shape == (8,)


def test_external_data_stay_in_the_folder(tmp_path: Path) -> None:
    model = plain(width=64)
    onnx.save_model(model, str(tmp_path / "e.onnx"), save_as_external_data=True, location="w.bin", size_threshold=0)
    assert import_onnx(tmp_path / "e.onnx", ImportOptions(accuracy=0.5)).model.blocks
    (tmp_path / "w.bin").rename(tmp_path / "other.bin")
    with pytest.raises(InputError, match="missing"):
        import_onnx(tmp_path / "e.onnx", ImportOptions(accuracy=0.5))
    model = onnx.load(str(tmp_path / "e.onnx"), load_external_data=False)
    for location in ("../secret", "/etc/passwd", ""):
        for constant in model.graph.initializer:
            constant.external_data[0].value = location
        onnx.save_model(model, str(tmp_path / "e.onnx"))
        with pytest.raises(InputError, match="leads out of the folder"):
            import_onnx(tmp_path / "e.onnx", ImportOptions(accuracy=0.5))


def test_a_detector_is_cut_before_it_selects_boxes_and_the_size_of_its_result_is_told(tmp_path: Path) -> None:
    """On both random inputs 13 boxes may be left: equal shapes alone do not make a tensor one of a fixed shape."""
    bundle = imported(SMALL["detector"](), tmp_path, blocks=1000)
    graph = onnx.load_model_from_string(bundle.graph).graph
    order = [node.op_type for node in graph.node]
    assert bundle.cuts.blocks[-1].start <= order.index("NonMaxSuppression"), "nothing is cut behind it"
    found, scores = bundle.cuts.exits[-1].outputs
    assert (found.shape[0], found.shape[2], scores.shape) == (1, 4, (1, 3, 64))
    assert bundle.model.exits[-1].result_bits == found.bits + scores.bits
    (note,) = [note for note in bundle.notes if "depends on the data" in note]
    assert "the size of found depends" in note
    rest = {"dims": {}, "exits": (), "blocks": 1}
    everything = imported(SMALL["detector"](), tmp_path, **rest).model.blocks[0].ops
    convolutions = 2 * (8 * 16 * 16 * 3 * 9 + 16 * 8 * 8 * 8 * 9 + 64 * 16 * (4 + 3))
    assert everything >= convolutions + 8 * 16 * 16 + 16 * 64 + 64 * 3 + found.shape[1] * 4
