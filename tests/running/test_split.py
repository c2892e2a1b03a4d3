"""Pieces compose to the whole network: at every boundary, and at every cut that a plan uses."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from command_line import run
from onnx_builder import save
from onnx_networks import DIMS, EXITS, SMALL, early_exits, plain

from planner import InputError
from planner.running.graph.blocks import single_tensor_boundaries
from planner.running.graph.bundle import Bundle, write_bundle
from planner.running.graph.flow import trace_flow
from planner.running.graph.importing import import_onnx
from planner.running.graph.options import ImportOptions
from planner.running.network.folding import fold
from planner.running.network.reading import fix_dimensions
from planner.running.pieces.checking import check_parts
from planner.running.pieces.parts import part_of
from planner.running.pieces.reading import read_pieces
from planner.schemas import Placement, read_document

TOPOLOGY = Path(__file__).parents[2] / "examples" / "small-topology.json"


def imported(path: Path, **options: Any) -> Bundle:
    return import_onnx(path, ImportOptions(**{"accuracy": 0.5, **options}))


@pytest.mark.parametrize("name", SMALL)
def test_pieces_of_every_block_and_head_compose_exactly(name: str, tmp_path: Path) -> None:
    path = save(SMALL[name](), tmp_path / "n.onnx")
    bundle = imported(path, dims=DIMS.get(name, {}), exits=EXITS.get(name, ()), blocks=1000)
    graph = onnx.load_model_from_string(bundle.graph)
    heads = {head.after: head for head in bundle.cuts.exits}
    last = len(bundle.cuts.blocks) - 1
    parts = [
        part_of(bundle.cuts, graph, index, index, heads.get(block.name), index == last)
        for index, block in enumerate(bundle.cuts.blocks)
    ]
    check = check_parts(bundle.cuts, graph, bundle.graph, parts)
    assert check.bit_equal
    assert check.relative_error <= 1e-5


@pytest.mark.parametrize("name", SMALL)
def test_every_single_tensor_cut_composes_exactly(name: str, tmp_path: Path) -> None:
    model = SMALL[name]()
    path = save(model, tmp_path / "n.onnx")
    fix_dimensions(model, DIMS.get(name, {}), name)
    flow = trace_flow(fold(model, name), EXITS.get(name, ()), (), name)
    places = single_tensor_boundaries(flow)
    bundle = imported(path, dims=DIMS.get(name, {}), exits=EXITS.get(name, ()), blocks=1000)
    graph = onnx.load_model_from_string(bundle.graph)
    for place in places[:: 1 + len(places) // 16]:  # all but for MobileNetV2, of which every fourth
        cuts = cut_at(bundle, flow, place)
        heads = {head.after: head for head in cuts.exits}
        parts = [part_of(cuts, graph, i, i, heads.get(f"part{i}"), i == 1) for i in (0, 1)]
        assert check_parts(cuts, graph, bundle.graph, parts, 1).bit_equal, place


def cut_at(bundle: Bundle, flow: Any, place: int) -> Any:
    """Return the cuts of two blocks that meet at one boundary; early exits are left out."""
    from planner.schemas.bundles.cuts import BlockNodes, Boundary

    tensors = tuple(flow.folded.tensors[name] for name in flow.crossing(place))
    return bundle.cuts.model_copy(
        update={
            "blocks": (
                BlockNodes(name="part0", start=0, stop=place),
                BlockNodes(name="part1", start=place, stop=flow.backbone),
            ),
            "boundaries": (Boundary(after="part0", tensors=tensors),),
            "exits": (bundle.cuts.exits[-1].model_copy(update={"after": "part1"}),),
        }
    )


def wheel(package: str, file: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        pytest.skip(f"{package} is not installed")
    path = Path(found.origin).parent / file
    if not path.is_file():
        pytest.skip(f"{file} is not in this version of {package}")
    return path


WHEELS = {
    "direction": ("rapidocr_onnxruntime", "models/ch_ppocr_mobile_v2.0_cls_infer.onnx", {"x[0]": 1, "?": 48}),
    "recognition": (
        "rapidocr_onnxruntime",
        "models/ch_PP-OCRv4_rec_infer.onnx",
        {"p2o.DynamicDimension.0": 1, "?": 48, "p2o.DynamicDimension.1": 160},
    ),
    "detection": (
        "rapidocr_onnxruntime",
        "models/ch_PP-OCRv4_det_infer.onnx",
        {f"p2o.DynamicDimension.{i}": 1 if i == 0 else 160 for i in range(3)},
    ),
    "speech": ("silero_vad", "data/silero_vad_16k_op15.onnx", {"batch": 1, "sequence": 576}),
    "squeezenet": ("onnx", "backend/test/data/light/light_squeezenet.onnx", {}),
    "shufflenet": ("onnx", "backend/test/data/light/light_shufflenet.onnx", {}),
    "inception": ("onnx", "backend/test/data/light/light_inception_v1.onnx", {}),
}


@pytest.mark.parametrize("name", WHEELS)
def test_networks_that_wheels_ship_compose_exactly(name: str) -> None:
    package, file, dims = WHEELS[name]
    bundle = imported(wheel(package, file), dims=dims, accuracy=0.9)
    graph = onnx.load_model_from_string(bundle.graph)
    last = len(bundle.cuts.blocks) - 1
    heads = {head.after: head for head in bundle.cuts.exits}
    parts = [part_of(bundle.cuts, graph, i, i, heads.get(b.name), i == last) for i, b in enumerate(bundle.cuts.blocks)]
    check = check_parts(bundle.cuts, graph, bundle.graph, parts, 1)
    assert check.bit_equal
    assert check.relative_error <= 1e-4


def planned(folder: Path, *arguments: str) -> Path:
    bundle = imported(save(early_exits(), folder / "n.onnx"), exits=("e1", "e2"), accuracy=0.9)
    write_bundle(bundle, folder / "net")
    plan = folder / "plan.json"
    done = run("plan", "--model", folder / "net", "--topology", TOPOLOGY, "-o", plan, *arguments)
    assert done.code == 0, done.err
    return plan


def test_a_plan_is_split_with_its_manifest_and_read_back(tmp_path: Path) -> None:
    plan = planned(tmp_path, "--pin", "block1=phone", "--pin", "block3=cloud")
    done = run("split", tmp_path / "net", plan, "-o", tmp_path / "pieces")
    assert done.code == 0, done.err
    assert "equal bit by bit" in done.out
    pieces = read_pieces(tmp_path / "pieces")
    placement, _ = read_document(plan, Placement)
    (held,) = pieces.manifest.plans
    runs = [(piece.node, block) for piece in held.pieces for block in piece.blocks]
    assert runs == [(each.node, each.block) for each in placement.apps[0].assignments]
    assert len(held.pieces) > 1
    for before, after in zip(held.pieces, held.pieces[1:], strict=False):
        assert before.sends == tuple(tensor.name for tensor in after.receives)
    arguments = json.loads((tmp_path / "pieces" / "extract.json").read_text(encoding="utf-8"))[held.name]
    for piece in held.pieces:
        target = tmp_path / "own.onnx"
        onnx.utils.extract_model(str(tmp_path / "net" / "graph.onnx"), str(target), **arguments[piece.name])
        assert len(onnx.load(str(target)).graph.node) == len(
            onnx.load_model_from_string(pieces.files[piece.file]).graph.node
        )


def test_plans_of_other_models_and_changed_pieces_are_refused(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    other = imported(save(plain(), tmp_path / "o.onnx"))
    write_bundle(other, tmp_path / "other")
    done = run("split", tmp_path / "other", plan, "-o", tmp_path / "pieces")
    assert done.code == 2
    assert "not made for this model" in done.err
    assert run("split", tmp_path / "net", plan, "-o", tmp_path / "pieces").code == 0
    name = next((tmp_path / "pieces").glob("*.onnx"))
    data = name.read_bytes()
    name.write_bytes(data + b"\0")
    with pytest.raises(InputError, match="hash differs"):
        read_pieces(tmp_path / "pieces")
    name.unlink()
    (tmp_path / "elsewhere").write_bytes(data)
    name.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="leads out"):
        read_pieces(tmp_path / "pieces")


@pytest.mark.parametrize("file", ["../net/graph.onnx", "/etc/passwd", "a/b.onnx", "", ".hidden"])
def test_paths_in_manifests_never_leave_the_folder(file: str, tmp_path: Path) -> None:
    assert run("split", tmp_path / "net", planned(tmp_path), "-o", tmp_path / "pieces").code == 0
    manifest = tmp_path / "pieces" / "manifest.json"
    raw = json.loads(manifest.read_text(encoding="utf-8"))
    raw["plans"][0]["pieces"][0]["file"] = file
    manifest.write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(InputError):
        read_pieces(tmp_path / "pieces")


def test_cuts_that_name_other_nodes_are_refused_or_compose(tmp_path: Path) -> None:
    digits, net, plan = TOPOLOGY.parent / "digits", tmp_path / "net", tmp_path / "plan.json"
    data = ("--data", digits / "calibration.npz")
    assert run("import", digits / "digits.onnx", "-o", net, "--exits", "early,middle", *data).code == 0
    assert run("plan", "--model", net, "--topology", TOPOLOGY, "--min-accuracy", "0.9", "-o", plan).code == 0
    on = set(json.loads(plan.read_text(encoding="utf-8"))["apps"][0]["exit_fractions"])
    whole = json.loads((net / "cuts.json").read_text(encoding="utf-8"))

    def split(change: Callable[[Any], None]) -> int:
        changed = json.loads(json.dumps(whole))
        change(changed)
        (net / "cuts.json").write_text(json.dumps(changed), encoding="utf-8")
        done = run("split", net, plan, "-o", tmp_path / "pieces")
        assert done.code in (0, 2), done.err
        return done.code

    heads = [(place, head) for place, head in enumerate(whole["exits"]) if head["nodes"] and head["name"] in on]
    assert heads
    for place, head in heads:
        for node in head["nodes"]:
            assert split(lambda cuts, place=place, node=node: cuts["exits"][place]["nodes"].remove(node)) == 2

    def earlier(cuts: Any, place: int) -> None:
        cuts["blocks"][place]["stop"] -= 1
        cuts["blocks"][place + 1]["start"] -= 1

    for place in range(len(whole["blocks"]) - 1):
        split(lambda cuts, place=place: earlier(cuts, place))
