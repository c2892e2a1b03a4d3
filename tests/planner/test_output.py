"""Results on disk and as text: files appear whole or not at all, and text says what the placement holds."""

from __future__ import annotations

import io
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from planner import plan
from planner.files.writing import placement_json, whole_file
from planner.pipeline.compare import HEADINGS, Row, cells
from planner.progress import waiting
from planner.schemas import (
    App,
    BrokenLimit,
    Certificate,
    Diagnosis,
    InputError,
    Model,
    Placement,
    Topology,
    check_document,
)  # fmt: skip
from planner.text.placement import MOST_ASKED, placement_text

EXAMPLES = Path(__file__).parents[2] / "examples"
AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def small(**limits: Any) -> Placement:
    return plan(EXAMPLES / "small.json", EXAMPLES / "small-topology.json", **limits)


def refused(path: Path) -> str:
    """Try to write, and return the message of the refusal; the body must not run."""
    with pytest.raises(InputError) as caught, whole_file(path):
        pytest.fail("the place was not refused before the work began")
    (problem,) = caught.value.problems
    assert problem.file == str(path)
    return problem.message


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_takes_its_place_when_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old", encoding="utf-8")
    with whole_file(path) as file:
        file.write("new")
        file.flush()
        assert path.read_text(encoding="utf-8") == "old"
    assert path.read_text(encoding="utf-8") == "new"
    assert names_in(tmp_path) == ["plan.json"]


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt()])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(type(error)), whole_file(path) as file:
        file.write("half of")
        raise error
    assert path.read_text(encoding="utf-8") == "old"
    assert names_in(tmp_path) == ["plan.json"]


def test_a_disk_that_fills_up_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old", encoding="utf-8")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(InputError, match="No space left on device"), whole_file(path) as file:
        file.write("new")
    assert path.read_text(encoding="utf-8") == "old"
    assert names_in(tmp_path) == ["plan.json"]


def test_permissions_of_old_and_new_files(tmp_path: Path) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text("old", encoding="utf-8")
    old.chmod(0o640)
    mask = os.umask(0o027)
    try:
        for path in (old, new):
            with whole_file(path) as file:
                file.write("new")
    finally:
        os.umask(mask)
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert stat.S_IMODE(new.stat().st_mode) == 0o640
    assert old.read_text(encoding="utf-8") == "new"


def test_a_link_stays_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "plan.json", tmp_path / "link.json"
    target.write_text("old", encoding="utf-8")
    link.symlink_to(target)
    with whole_file(link) as file:
        file.write("new")
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == "new"
    assert names_in(tmp_path) == ["far", "link.json"]


def test_places_that_cannot_be_written_are_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    before = names_in(tmp_path)
    assert "it is a folder" in refused(tmp_path)
    assert "No such file or directory" in refused(tmp_path / "none" / "plan.json")
    assert "Not a directory" in refused(tmp_path / "file" / "plan.json")
    assert "File name too long" in refused(tmp_path / ("n" * 300))
    assert refused(tmp_path / "loop").startswith("cannot write the output")
    assert names_in(tmp_path) == before


def test_a_write_protected_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write everywhere, so there the system's answer is made up."""
    path = tmp_path / "plan.json"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o444)
    if AS_ROOT:
        monkeypatch.setattr(os, "access", lambda place, mode, **_: mode != os.W_OK or Path(place) != path)
    assert "write-protected" in refused(path)
    assert path.read_text(encoding="utf-8") == "old"


@pytest.mark.skipif(AS_ROOT, reason="root may write into any folder")
def test_a_write_protected_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o555)
    assert "Permission denied" in refused(folder / "plan.json")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_devices_are_written_to_and_never_replaced() -> None:
    with whole_file(Path("/dev/null")) as file:
        file.write("gone")
    assert Path("/dev/null").is_char_device()
    with pytest.raises(InputError, match="No space left on device"), whole_file(Path("/dev/full")) as file:
        file.write("x")


@pytest.mark.parametrize("limits", [{}, {"max_latency_s": 1e-6}, {"destination": "phone", "min_accuracy": 0.5}])
def test_json_is_read_back_as_the_same_placement(limits: dict[str, Any]) -> None:
    placement = small(**limits)
    raw = json.loads(json.dumps(placement_json(placement)))
    assert check_document(raw, Placement) == placement
    assert "message" not in raw
    assert ("diagnosis" in raw) == (placement.status == "infeasible")
    assert all("thresholds" not in row for row in raw["apps"])


def test_designed_thresholds_are_kept_whatever_the_exits_are_called() -> None:
    """An exit may be named as a field that is left out where it says nothing."""
    raw = placement_json(small(min_accuracy=0.9))
    raw["apps"][0]["thresholds"] = {"diagnosis": None, "thresholds": None, "message": 0.5}
    assert placement_json(check_document(raw, Placement)) == raw


def test_a_plan_as_text() -> None:
    # a on the phone 0.2 / 50 s, the rest on the cloud 2.801 / 5000 s; 1 Mbit over 100 Mbit/s and 1 Gbit/s
    assert placement_text(small()).splitlines() == [
        "optimal: 118 mJ, 27.56 ms, accuracy 0.92",
        "exits     last 100 % (operating point full)",
        "blocks    phone  a",
        "          cloud  b .. d (3 blocks)",
        "routes    phone > edge > cloud  (a, 1 Mbit)",
        "energy    48.01 mJ computing, 70 mJ transfers",
        "latency   4.56 ms computing, 23 ms transfers",
        "bound     no plan within the limits is below 118 mJ (gap 0 %)",
    ]


def test_a_plan_with_results_and_thresholds_as_text() -> None:
    pin = {"a": ["edge"]}
    placement = small(destination="phone", min_accuracy=0.9, objective="latency", latency="mean", pin=pin)
    raw = placement_json(placement)
    raw["apps"][0]["thresholds"] = {"early": 0.25, "last": None}
    raw["status"], raw["message"] = "feasible", "the time limit came before the proof"
    lines = placement_text(check_document(raw, Placement)).splitlines()
    assert lines[0].startswith("feasible: ")
    assert lines[1] == "exits     early 50 % at threshold 0.25, last 50 % (operating point half)"
    assert any(line.endswith("(result of early, 80 bit)") for line in lines)
    assert any("(input, 4 Mbit)" in line for line in lines)
    assert lines[-1] == "note      the time limit came before the proof"
    bound = next(line for line in lines if line.startswith("bound"))
    assert bound.endswith("s (gap 0 %)")


def test_no_plan_as_text() -> None:
    row = BrokenLimit(kind="latency", subject="app", demand=1.0, best=2.0, unit="s", message="too slow")
    diagnosis = Diagnosis(summary="no plan: too slow", limits=(row,))
    text = placement_text(Placement(status="infeasible", diagnosis=diagnosis))
    assert text.splitlines() == ["infeasible: no plan: too slow", "  latency: too slow"]


def test_an_open_answer_as_text() -> None:
    certificate = Certificate(lower_bound=0.25, relative_gap=None, objective="latency_s")
    placement = Placement(status="unknown", message="out of time", certificate=certificate)
    assert placement_text(placement).splitlines() == [
        "bound     no plan within the limits is below 250 ms",
        "unknown: no plan was found, and none was ruled out (out of time)",
    ]


def test_rows_of_a_comparison() -> None:
    best, slower = small(), small(objective="latency")
    row = dict(zip(HEADINGS, cells(Row("exact", best, 0.002), best.apps[0].energy_j), strict=True))
    assert row == {
        "method": "exact", "status": "optimal", "energy": "118 mJ", "latency": "27.56 ms", "accuracy": "0.92",
        "bound": "118 mJ", "gap": "0 %", "over best": "", "time": "2 ms",
    }  # fmt: skip
    held = Row("mcp", slower, 1.5)
    assert held.value == slower.apps[0].latency_s
    row = dict(zip(HEADINGS, cells(held, slower.apps[0].latency_s / 2), strict=True))
    assert (row["over best"], row["bound"], row["time"]) == ("+100 %", "18.8 ms", "1.5 s")
    nothing = Row("gamma", small(max_latency_s=1e-6), 0.1)
    assert nothing.value is None
    assert cells(nothing, 1.0) == ("gamma", "infeasible", "", "", "", "", "", "", "100 ms")


class Screen(io.StringIO):
    """An error stream that somebody looks at."""

    def isatty(self) -> bool:
        return True


def test_a_sign_of_life_only_where_somebody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setattr("planner.progress._DELAY_S", 0.01)
    monkeypatch.setenv("TERM", "xterm")
    for stream, shows in ((io.StringIO(), False), (Screen(), True)):
        monkeypatch.setattr("sys.stderr", stream)
        with waiting("planning"):
            until = time.monotonic() + 5
            while shows and "planning" not in stream.getvalue() and time.monotonic() < until:
                time.sleep(0.01)
        assert ("planning" in stream.getvalue()) == shows


def test_a_plan_says_what_was_asked_for_and_what_it_takes() -> None:
    placement = small(rate_per_s=2.0, max_latency_s=0.03, max_energy_j=1.0)
    lines = str(placement).splitlines()
    assert lines[0] == "optimal: 118 mJ, 27.56 ms of 30 ms, accuracy 0.92"
    assert lines[1] == (
        "asked     least energy, worst latency at most 30 ms, energy at most 1 J, best accuracy, "
        "2 inferences per second"
    )
    # a takes 0.2 / 50 s on the phone; b, c and d 6.51 MB on the cloud; 1 Mbit over 100 Mbit/s, twice a second
    assert "use       phone        0.8 % of its time, 100 kB of 5 MB of memory" in lines
    assert "          cloud        0.112 % of its time, 6.51 MB of memory" in lines
    assert "          radio        2 % of its time" in lines


def test_a_joint_plan_says_how_fast_each_app_is_alone() -> None:
    text = str(plan(workload=EXAMPLES / "small-shared.workload.json", topology=EXAMPLES / "small-shared.json"))
    assert "camera: 73.06 mJ, 120 ms of 120 ms (30.01 ms alone at full share), accuracy 0.9" in text
    assert (
        "asked     least energy, worst latency at most 250 ms, accuracy at least 0.9, 2 inferences per second" in text
    )
    assert "          edge     5.96 % of its time, 13.04 MB of memory" in text


def test_no_plan_says_what_was_asked_for() -> None:
    lines = str(small(max_latency_s=0.001)).splitlines()
    assert lines[0].startswith("infeasible: no plan for 'app': the least worst latency is 18.8 ms, the limit 1 ms")
    assert lines[-1] == "asked     least energy, worst latency at most 1 ms, best accuracy"


def test_measured_costs_that_nothing_uses_are_said() -> None:
    """A profile counts for the nodes of its hardware; where there is none, or a size is missing, the text says so."""
    node = {"name": "gpu", "ops_per_s": 1e12, "j_per_op": 1e-10}
    model = {
        "name": "net", "input_bits": 0, "accuracy": 0.8, "blocks": [{"name": "a", "ops": 1e9}],
        "profiles": {"gpu": {"a": {"time_s": {"1": 0.5, "2": 0.6}, "energy_j": {"1": 1, "2": 1}}}},
    }  # fmt: skip
    unused = plan(model, {"name": "t", "nodes": [node]}, rate_per_s=1.0)
    assert unused.apps[0].latency_s == 1e-3
    assert 'give a node "hardware": "gpu"' in str(unused)
    topology = {"name": "t", "nodes": [{**node, "hardware": "gpu"}]}
    used = plan(model, topology, rate_per_s=1.0, batch=[1, 2])
    assert used.apps[0].latency_s > 0.5
    assert "note" not in str(used)
    chosen = plan(model, topology, rate_per_s=1.0, batch=[1, 2], max_latency_s=0.5)
    assert "variant   batch 1" in str(chosen).splitlines()
    link = {"source": "gpu", "target": "cpu", "bit_per_s": 1e9}
    other = {"name": "t", "nodes": [{**node, "hardware": "gpu"}, {**node, "name": "cpu"}], "links": [link]}
    missing = plan(model, other, rate_per_s=1.0, batch=3)
    assert {row.node for row in missing.apps[0].assignments} == {"cpu"}
    assert "note      no times of batches of 3 were measured on hardware gpu" in str(missing)


def test_no_joint_plan_says_what_each_app_asked_for_with_units() -> None:
    node = {"name": "n", "tier": "mobile", "ops_per_s": 1e9, "j_per_op": 1e-9}
    metric = {"name": "cost", "unit": "USD", "nodes": {"n": {"per_s": 1e-3}}}
    topology = Topology.model_validate({"schema_version": "1", "name": "t", "nodes": [node], "metrics": [metric]})
    block = {"name": "b", "ops": 1e6}
    model = Model.model_validate(
        {"schema_version": "1", "name": "m", "input_bits": 1.0, "accuracy": 0.9, "blocks": [block]}
    )

    def lines(count: int) -> list[str]:
        apps = [{"name": f"app{i}", "model": "m", "rate_per_s": 1.0, "limits": {"cost": 1e-12}} for i in range(count)]
        placement = plan(topology=topology, workload={"schema_version": "1", "apps": apps}, models={"m": model})
        assert placement.status == "infeasible"
        text = placement_text(placement, [(App.model_validate(app), model) for app in apps], topology)
        return [line for line in text.splitlines() if line.startswith("asked")]

    said = "least energy, cost at most 1e-12 USD, best accuracy, 1 inference per second"
    assert lines(2) == [f"asked     app{i}: {said}" for i in range(2)]
    assert lines(MOST_ASKED + 2)[-1] == "asked     2 more apps: see the workload"
