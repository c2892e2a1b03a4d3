"""`planner import` and ONNX files in place of models, as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from onnx_builder import save
from onnx_networks import early_exits, plain

from planner import InputError, Model, from_onnx, plan
from planner.schemas import Placement, read_document

ROOT = Path(__file__).parents[2]
TOPOLOGY = str(ROOT / "examples" / "small-topology.json")
DIGITS = ROOT / "examples" / "digits"


def test_a_table_of_blocks_is_printed_and_the_bundle_can_be_planned(tmp_path: Path) -> None:
    net = save(early_exits(), tmp_path / "net.onnx")
    out = str(tmp_path / "net")
    done = run("import", str(net), "-o", out, "--accuracy", "0.9")
    assert done.code == 0, done.out + done.err
    assert "block1" in (done.out + done.err)
    assert "1 operating point" in (done.out + done.err)
    done = run("plan", "--model", out, "--topology", TOPOLOGY)
    assert done.code == 0, done.out + done.err
    assert "optimal" in (done.out + done.err)


def test_digits_are_calibrated_and_planned_with_exits(tmp_path: Path) -> None:
    out = tmp_path / "net"
    arguments = ("--exits", "early,middle", "--data", str(DIGITS / "calibration.npz"))
    done = run("import", str(DIGITS / "digits.onnx"), "-o", str(out), *arguments)
    assert done.code == 0, done.out + done.err
    model, _ = read_document(out / "model.json", Model)
    assert [head.name for head in model.exits] == ["early", "middle", "final"]
    assert model.calibration is not None
    assert model.calibration.samples == len(np.load(DIGITS / "calibration.npz")["labels"])
    best = max(point.accuracy for point in model.operating_points)
    assert best > 0.99
    for point in model.operating_points:
        last = next(iter(reversed(point.exit_fractions)))
        assert point.name.endswith(last)


@pytest.mark.parametrize("name", ["softmax", "entropy"])
def test_measured_points_are_those_of_a_plain_count(name: str) -> None:
    """The oracle lets samples leave one by one."""
    onnxruntime = pytest.importorskip("onnxruntime")
    data = np.load(DIGITS / "calibration.npz")
    bundle = from_onnx(
        DIGITS / "digits.onnx",
        exits=("early", "middle"),
        data=DIGITS / "calibration.npz",
        confidence=name,  # type: ignore[arg-type]
    )
    thresholds = {point.name: point.thresholds for point in bundle.cuts.operating_points}
    points = bundle.model.operating_points
    chosen = [points[0], points[len(points) // 2], points[-1]]
    runtime = onnxruntime.InferenceSession(str(DIGITS / "digits.onnx"), providers=["CPUExecutionProvider"])
    answers = [runtime.run(["early", "middle", "final"], {"image": image[None]}) for image in data["inputs"]]
    for point in chosen:
        counts, right = dict.fromkeys(point.exit_fractions, 0), 0
        for sample, label in zip(answers, data["labels"], strict=True):
            for exit_name, scores in zip(("early", "middle", "final"), sample, strict=True):
                if exit_name not in counts:
                    continue
                shares = np.exp(scores[0] - scores[0].max()) / np.exp(scores[0] - scores[0].max()).sum()
                sure = shares.max() if name == "softmax" else 1 + (shares * np.log(shares)).sum() / np.log(10)
                bound = thresholds[point.name][exit_name]
                if bound is None or sure >= bound:
                    counts[exit_name] += 1
                    right += int(scores.argmax() == label)
                    break
        assert {key: count / len(answers) for key, count in counts.items()} == pytest.approx(point.exit_fractions)
        assert right / len(answers) == pytest.approx(point.accuracy)


def test_measured_layers_come_from_a_table(tmp_path: Path) -> None:
    table = tmp_path / "layers.csv"
    table.write_text(
        "name,time_s,energy_j,output_bits\ninput,,,8000\nconv,0.01,0.02,4000\nfc,0.002,,320\n", encoding="utf-8"
    )
    done = run("import", str(table), "--csv", "-o", str(tmp_path / "m"), "--hardware", "phone", "--accuracy", "0.8")
    assert done.code == 0, done.out + done.err
    model, _ = read_document(tmp_path / "m" / "model.json", Model)
    assert model.input_bits == 8000
    assert model.profiles["phone"]["conv"].time_s == 0.01
    assert model.profiles["phone"]["fc"].energy_j is None
    table.write_text("name,time_s\nconv,fast\n", encoding="utf-8")
    done = run("import", str(table), "--csv", "-o", str(tmp_path / "m"), "--accuracy", "0.8")
    assert done.code == 2
    assert "no column output_bits" in (done.out + done.err)


def test_tables_of_other_separators_need_no_option(tmp_path: Path) -> None:
    table = tmp_path / "layers.csv"
    table.write_text("name; time_s;output_bits\nconv;0,01;4000\nfc;0,002;320\n", encoding="utf-8")
    assert run("import", str(table), "-o", str(tmp_path / "m")).code == 0
    model, _ = read_document(tmp_path / "m" / "model.json", Model)
    assert {name: entry.time_s for name, entry in model.profiles["measured"].items()} == {"conv": 0.01, "fc": 0.002}


def test_layers_without_operations_run_where_they_were_measured_only(tmp_path: Path) -> None:
    table = tmp_path / "layers.csv"
    table.write_text("name,time_s,energy_j,output_bits\nconv,0.01,0.1,4000\nfc,0.002,0.1,320\n", encoding="utf-8")
    done = run("import", str(table), "-o", str(tmp_path / "m"), "--hardware", "phone")
    assert "layers without ops run on nodes of hardware phone only" in done.out
    nodes = [
        {"name": "phone", "tier": "mobile", "hardware": "phone"},
        {"name": "server", "ops_per_s": 1e12, "j_per_op": 1e-11},
    ]
    link = {"source": "phone", "target": "server", "bit_per_s": 1e9, "bidirectional": True}
    document = {"schema_version": "1", "name": "t", "nodes": nodes, "links": [link]}
    (tmp_path / "t.json").write_text(json.dumps(document), encoding="utf-8")
    plan = tmp_path / "plan.json"
    assert (
        run("plan", "--model", str(tmp_path / "m"), "--topology", str(tmp_path / "t.json"), "-o", str(plan)).code == 0
    )
    held = json.loads(plan.read_text(encoding="utf-8"))["apps"][0]
    assert {each["node"] for each in held["assignments"]} == {"phone"}
    assert held["latency_s"] == pytest.approx(0.012)
    assert run("check", str(plan)).code == 0


def test_data_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    net = str(save(early_exits(size=8), tmp_path / "net.onnx"))
    good = np.zeros((4, 3, 8, 8), np.float32)
    cases = {
        "takes the shape": {"inputs": good[:, :, :4], "labels": np.zeros(4, int)},
        "there are no labels": {"inputs": good},
        "out of range": {"inputs": good, "labels": np.full(4, 5)},
        "classes from 0 on": {"inputs": good, "labels": np.full(4, -1)},
        "takes float32": {"inputs": good.astype(complex), "labels": np.zeros(4, int)},
        "finite": {"inputs": good + np.inf, "labels": np.zeros(4, int)},
        "one whole number": {"inputs": good, "labels": np.zeros(3, int)},
        "no array for the input": {"pixels": good, "labels": np.zeros(4, int)},
        "plain arrays": {"inputs": good, "labels": np.array([object()] * 4)},
    }
    for message, arrays in cases.items():
        np.savez(tmp_path / "d.npz", **arrays)  # type: ignore[arg-type] # arrays by name
        done = run(*("import", net, "-o", str(tmp_path / "n"), "--exits", "e1,e2", "--data", str(tmp_path / "d.npz")))
        assert done.code == 2, message
        assert message in (done.out + done.err)
        assert not (tmp_path / "n").exists()


def test_wrong_options_are_told(tmp_path: Path) -> None:
    net = str(save(plain(), tmp_path / "net.onnx"))
    for arguments, message in (
        (("--dim", "batch"), "write it as batch=1"),
        (("--confidence", "margin"), "softmax or entropy"),
        (("--accuracy", "1.5"), "not in [0, 1]"),
    ):
        done = run("import", net, "-o", str(tmp_path / "n"), *arguments)
        assert done.code == 2
        assert message in (done.out + done.err)


def test_from_python(tmp_path: Path) -> None:
    bundle = from_onnx(save(plain(), tmp_path / "net.onnx"), accuracy=0.7)
    assert plan(bundle.model, TOPOLOGY).status == "optimal"
    with pytest.raises(InputError):
        from_onnx(tmp_path / "none.onnx")


def test_an_onnx_file_is_planned_on_the_way_and_its_accuracy_is_unknown(tmp_path: Path) -> None:
    net = save(plain(), tmp_path / "net.onnx")
    done = run("plan", "--model", net, "--topology", TOPOLOGY, "-o", tmp_path / "plan.json")
    assert done.code == 0, done.err
    placement, _ = read_document(tmp_path / "plan.json", Placement)
    assert placement.apps[0].accuracy is None
    assert run("check", tmp_path / "plan.json", "--model", net, "--topology", TOPOLOGY).code == 0
    assert run("split", net, tmp_path / "plan.json", "-o", tmp_path / "pieces").code == 0


def test_bundles_hold_what_their_schemas_say(tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    out = tmp_path / "net"
    assert run("import", str(save(plain(), tmp_path / "n.onnx")), "-o", str(out), "--accuracy", "1").code == 0
    schema = json.loads((ROOT / "schemas" / "json" / "cuts.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads((out / "cuts.json").read_text(encoding="utf-8")), schema)
