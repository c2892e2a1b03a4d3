"""The runtime manager: light, steady, and right in every state; replays against a plain loop over the samples."""

from __future__ import annotations

import copy
import itertools
import json
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from carin_oracle import feasible, random_designs, scored
from hypothesis import assume, given
from hypothesis import strategies as st

from planner.carin import clairvoyant_oracle
from planner.carin import replay as replaying
from planner.carin.adapt import adapt
from planner.carin.manager import RuntimeManager
from planner.carin.replay import Replay, replay
from planner.carin.scored_designs import score_designs
from planner.carin.trace import LoadTrace
from planner.schemas import Designs, InputError, Policy, check_document

ROOT = Path(__file__).parents[2]
Json = dict[str, Any]
RANDOMS = st.randoms(use_true_random=False)


def small() -> Json:
    """Return a policy of two engines: d0 on the CPU, d1 on the GPU, d2 on the GPU with little memory."""

    def design(name: str, engine: str, memory: float, latency: float) -> Json:
        task = {"engine": engine, "memory_bytes": memory, "energy_j": 0.5, "latency_s": {"mean": latency}}
        metrics = {"memory_bytes": memory, "energy_j": 0.5, "latency_s": {"mean": latency}, "tasks": {"t": task}}
        return {"name": name, "choice": {"t": f"{name}@{engine}"}, "distance": latency, "metrics": metrics}

    rows = {(): ("d0", "d2"), ("cpu",): ("d1", "d2"), ("gpu",): ("d0", "d2"), ("cpu", "gpu"): ("d1", "d2")}
    return {
        "schema_version": "1",
        "constraints": [{"metric": "latency_s", "task": "t", "max": 0.3}],
        "design_set": [design("d0", "cpu", 80.0, 0.1), design("d1", "gpu", 100.0, 0.2), design("d2", "gpu", 10.0, 0.3)],
        "policy": [
            {
                "overloaded": list(overloaded), "memory_tight": tight, "design": names[tight],
                "degraded": len(overloaded) == 2 or (tight and "gpu" in overloaded),
            }
            for overloaded, names in rows.items() for tight in (False, True)
        ],
    }  # fmt: skip


def test_it_needs_the_standard_library_alone(tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text(json.dumps(small()), encoding="utf-8")
    code = (
        "import sys; before = set(sys.modules)\n"
        "from planner.carin.manager import RuntimeManager\n"
        "manager = RuntimeManager.from_file('policy.json')\n"
        "assert manager.observe(0.0, [0.9, 0.0], 1e9) == 'd1'\n"
        "tops = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "strangers = tops - set(sys.stdlib_module_names) - {'planner', 'encodings'}\n"
        "assert not strangers, strangers\n"
        "assert not {'numpy', 'pydantic', 'planner.schemas'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_state_is_looked_up() -> None:
    policy = small()
    manager = RuntimeManager(policy)
    assert manager.engines == ("cpu", "gpu")
    for row in policy["policy"]:
        assert manager.design_for(row["overloaded"], row["memory_tight"]) == row["design"]
        state = sum(1 << manager.engines.index(name) for name in row["overloaded"]) + 4 * row["memory_tight"]
        assert manager.designs[manager.look_up(state)] == row["design"]
    with pytest.raises(ValueError, match="no engine 'npu'"):
        manager.design_for(["npu"], False)


def test_hysteresis_of_load() -> None:
    manager = RuntimeManager(small(), enter_load=0.8, leave_load=0.6, dwell_s=0.0)
    seen = [manager.observe(float(t), [load, 0.0], 1e9) for t, load in enumerate([0.79, 0.8, 0.7, 0.61, 0.6, 0.79])]
    assert seen == ["d0", "d1", "d1", "d1", "d0", "d0"]


def test_hysteresis_of_memory() -> None:
    manager = RuntimeManager(small(), dwell_s=0.0)  # designs need up to 100 bytes while memory is not tight
    seen = [manager.observe(float(t), [0.0, 0.0], memory) for t, memory in enumerate([100, 99, 100, 109, 111, 100])]
    assert seen == ["d0", "d2", "d2", "d2", "d0", "d0"]
    manager = RuntimeManager(small(), dwell_s=0.0, memory_enter_bytes=50, memory_leave_bytes=60)
    seen = [manager.observe(float(t), [0.0, 0.0], memory) for t, memory in enumerate([50, 49, 59, 60])]
    assert seen == ["d0", "d2", "d2", "d0"]


def test_a_design_is_kept_for_the_dwell_time() -> None:
    manager = RuntimeManager(small(), dwell_s=1.0)
    loads = [(0.0, 0.9), (0.1, 0.1), (0.9, 0.1), (1.0, 0.1), (1.5, 0.9), (1.9, 0.9), (2.0, 0.9)]
    seen = [manager.observe(time_s, [load, 0.0], 1e9) for time_s, load in loads]
    assert seen == ["d1", "d1", "d1", "d0", "d0", "d0", "d1"]
    assert (manager.overloaded, manager.memory_tight, manager.degraded) == (["cpu"], False, False)
    assert (manager.design, manager.choice) == ("d1", {"t": "d1@gpu"})


def test_a_wish_that_passes_within_the_dwell_time_is_forgotten() -> None:
    manager = RuntimeManager(small(), dwell_s=10.0)
    seen = [manager.observe(t, [load, 0.0], 1e9) for t, load in [(0, 0.9), (1, 0.1), (2, 0.9), (20, 0.9)]]
    assert seen == ["d1"] * 4


def test_values_that_are_no_numbers_change_nothing() -> None:
    manager = RuntimeManager(small(), dwell_s=0.0)
    assert manager.observe(0.0, [0.9, 0.0], 1e9) == "d1"
    assert manager.observe(1.0, [float("nan"), 0.0], float("nan")) == "d1"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"enter_load": 0.5, "leave_load": 0.6}, "leave <= enter"),
        ({"enter_load": 1.1}, "enter <= 1"),
        ({"leave_load": -0.1}, "0 <= leave"),
        ({"enter_load": float("nan")}, "leave <= enter"),
        ({"dwell_s": -1.0}, "dwell"),
        ({"dwell_s": float("inf")}, "dwell"),
        ({"memory_enter_bytes": 2.0, "memory_leave_bytes": 1.0}, "enter <= leave"),
        ({"memory_enter_bytes": float("nan")}, "enter <= leave"),
    ],
)
def test_thresholds_out_of_range_are_refused(options: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RuntimeManager(small(), **options)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: p.pop("policy"), "not a policy"),
        (lambda p: p.pop("design_set"), "not a policy"),
        (lambda p: p.update(policy=[]), "not a policy"),
        (lambda p: p.update(policy=7), "not a policy"),
        (lambda p: p["policy"].pop(), "1 of 8 states have no row"),
        (lambda p: p["policy"][0].update(design="d9"), "'d9'"),
        (lambda p: p["policy"][2].update(overloaded=["npu"]), "no engine 'npu'"),
        (lambda p: p["design_set"][0].pop("metrics"), "memory_bytes"),
    ],
)
def test_what_is_no_policy_is_refused(change: Any, words: str) -> None:
    policy = small()
    change(policy)
    with pytest.raises(ValueError, match=words):
        RuntimeManager(policy)


def test_files_that_are_no_policies_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    for text in ("[]", "{", '{"policy": []}'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=r"policy|JSON|Expecting"):
            RuntimeManager.from_file(path)
    with pytest.raises(OSError, match="No such file"):
        RuntimeManager.from_file(tmp_path / "none.json")


def test_a_load_for_each_engine() -> None:
    with pytest.raises(ValueError, match="1 loads for 2 engines"):
        RuntimeManager(small()).observe(0.0, [0.5], 1e9)


# Replays


def random_trace(r: Random, engines: int, memory: float) -> LoadTrace:
    count = r.randint(1, 40)
    times = np.cumsum([r.choice([0.0, 0.3, 1.0, 2.0]) for _ in range(count)])
    load = [[r.choice([0.0, 0.3, 0.6, 0.7, 0.8, 0.95, 1.0]) for _ in range(engines)] for _ in range(count)]
    return LoadTrace(times, np.array(load), np.array([memory * r.choice([0.2, 0.5, 1.0, 1.5]) for _ in range(count)]))


def troubles(policy: Policy, place: int, trace: LoadTrace, at: int, engines: list[str]) -> tuple[bool, bool]:
    """Tell whether a design breaks a constraint and whether it does not fit, at one sample."""
    metrics = policy.design_set[place].metrics
    broken = False
    for constraint in policy.constraints:
        tasks = [task for name, task in metrics.tasks.items() if constraint.task in (None, name)]
        if constraint.metric in ("latency_s", "throughput_per_s"):
            values = []
            for task in tasks:
                load = float(trace.load[at, engines.index(task.engine)])
                alone = task.latency_s[constraint.statistic or "mean"]
                values.append(alone if alone == 0.0 else alone / (1.0 - load) if load < 1.0 else float("inf"))
            worst = max(values)
            got = worst if constraint.metric == "latency_s" else 1.0 / worst if worst else float("inf")
        else:
            got = getattr(metrics if constraint.task is None else tasks[0], constraint.metric)
        broken |= constraint.max is not None and got > constraint.max * (1 + 1e-9)
        broken |= constraint.min is not None and got < constraint.min * (1 - 1e-9)
    return bool(broken), metrics.memory_bytes > float(trace.memory_available_bytes[at]) * (1 + 1e-9)


def check_run(policy: Policy, trace: LoadTrace, engines: list[str], chosen: list[int], run: Any) -> None:
    seen = [troubles(policy, place, trace, at, engines) for at, place in enumerate(chosen)]
    assert run.slo_violations == sum(broken for broken, _ in seen)
    assert run.memory_overruns == sum(overrun for _, overrun in seen)
    assert run.switches == sum(one != other for one, other in itertools.pairwise(chosen))
    joules = [policy.design_set[place].metrics.energy_j or 0.0 for place in chosen]
    assert run.energy_j == pytest.approx(sum(joules), rel=1e-12)
    far = [policy.design_set[place].distance for place in chosen]
    assert run.mean_distance == pytest.approx(sum(far) / len(far), rel=1e-12, abs=1e-12)


@given(RANDOMS, st.sampled_from([1, 3, 1000]))
def test_replays_equal_a_loop_over_samples(random: Random, block: int) -> None:
    document = random_designs(random)
    policy = adapt(check_document(document, Designs))
    assume(policy.diagnosis is None)
    engines = list(document["engines"])
    need = max(design.metrics.memory_bytes for design in policy.design_set)
    trace = random_trace(random, len(engines), need)
    raw = json.loads(policy.model_dump_json())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replaying, "_BLOCK", block)
        done = replay(policy, trace, RuntimeManager(raw, dwell_s=0.5))
    manager = RuntimeManager(raw, dwell_s=0.5)
    samples = zip(trace.time_s, trace.load.tolist(), trace.memory_available_bytes, strict=True)
    managed = [manager.designs.index(manager.observe(*sample)) for sample in samples]
    check_run(policy, trace, engines, managed, done.manager)
    assert done.samples == len(trace)
    assert [name for _, name in done.switches][:1] == [manager.designs[managed[0]]]
    assert len(done.switches) == done.manager.switches + 1
    for place, run in enumerate(done.fixed):
        check_run(policy, trace, engines, [place] * len(trace), run)
    check_oracle(policy, trace, engines, done)


def check_oracle(policy: Policy, trace: LoadTrace, engines: list[str], done: Replay) -> None:
    places = range(len(policy.design_set))
    chosen = [
        min(places, key=lambda p: (sum(troubles(policy, p, trace, at, engines)), policy.design_set[p].distance, p))
        for at in range(len(trace))
    ]
    check_run(policy, trace, engines, chosen, done.oracle)
    least = done.oracle.slo_violations + done.oracle.memory_overruns
    assert all(least <= run.slo_violations + run.memory_overruns for run in (done.manager, *done.fixed))


def troubles_of(document: Json, joint: tuple[Json, ...], load: dict[str, float], available: float) -> int:
    """Tell of how many of SLOs and memory a joint design breaks under a load, from the raw file alone."""
    designs = []
    for design in copy.deepcopy(joint):
        x = load[design["engine"]]
        for statistic, alone in design["latency_s"].items():
            design["latency_s"][statistic] = alone / (1 - x) if x < 1 else alone and float("inf")
        designs.append(design)
    tasks = [{**task, "designs": [design]} for task, design in zip(document["tasks"], designs, strict=True)]
    broken = not any(feasible({**document, "tasks": tasks}))
    return broken + (sum(design["memory_bytes"] for design in joint) > available * (1 + 1e-9))


@given(RANDOMS)
def test_the_oracle_that_solves_anew_equals_a_brute_force(random: Random) -> None:
    document = random_designs(random)
    slowest = max(design["latency_s"]["mean"] for task in document["tasks"] for design in task["designs"])
    # every joint design meets it alone and without load, so that how much load each bears is what matters
    document["constraints"].append({"metric": "latency_s", "max": slowest * random.choice([1.0, 1.5, 3.0])})
    joints = scored(document)
    assume(joints)
    designs = check_document(document, Designs)
    policy = adapt(designs)
    engines = list(document["engines"])
    trace = random_trace(random, len(engines), max(joint.memory for joint in joints))
    raw = json.loads(policy.model_dump_json())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clairvoyant_oracle, "_BLOCK", 3)
        patch.setattr(clairvoyant_oracle, "_CHUNK", 2)
        done = replay(policy, trace, RuntimeManager(raw), score_designs(designs))
    far, troubled = 0.0, 0
    for load, available in zip(trace.load.tolist(), trace.memory_available_bytes.tolist(), strict=True):
        loads = dict(zip(engines, load, strict=True))
        seen = [(troubles_of(document, joint.designs, loads, available), joint.distance) for joint in joints]
        far, troubled = far + min(seen)[1], troubled + min(seen)[0]
    assert done.resolved is not None
    assert done.resolved.slo_violations + done.resolved.memory_overruns == troubled
    assert done.resolved.mean_distance == pytest.approx(far / len(trace), rel=1e-9, abs=1e-9)
    assert troubled <= done.oracle.slo_violations + done.oracle.memory_overruns


def test_a_design_on_a_loaded_engine_takes_longer_and_the_manager_leaves_it() -> None:
    policy = check_document(small(), Policy)
    trace = LoadTrace(
        np.arange(6.0), np.array([[0.0, 0.0], [0.5, 0.0], [0.9, 0.0], [0.9, 0.2], [1.0, 0.34], [0.2, 0.0]]),
        np.full(6, 1e9),
    )  # fmt: skip
    done = replay(policy, trace, RuntimeManager(small()))
    assert [run.slo_violations for run in done.fixed] == [3, 1, 2]  # 0.1 / 0.1 s; 0.2 / 0.66 s; 0.3 / 0.8 s
    assert done.manager.slo_violations == 1
    assert done.oracle.slo_violations == 1
    assert done.switches == ((0.0, "d0"), (2.0, "d1"), (5.0, "d0"))
    assert done.manager.energy_j == 3.0


def test_metrics_that_say_too_little_are_refused() -> None:
    for constraint in (
        {"metric": "latency_s", "statistic": "p95", "max": 1.0},
        {"metric": "latency_s", "task": "other", "max": 1.0},
        {"metric": "accuracy", "min": 0.5},
    ):
        policy = check_document({**small(), "constraints": [constraint]}, Policy)
        trace = LoadTrace(np.zeros(1), np.zeros((1, 2)), np.ones(1))
        with pytest.raises(InputError, match="do not say what the constraint"):
            replay(policy, trace, RuntimeManager(small()))


def test_energy_that_a_design_does_not_say_is_not_made_up() -> None:
    raw = small()
    raw["design_set"][0]["metrics"].pop("energy_j")
    trace = LoadTrace(np.zeros(1), np.zeros((1, 2)), np.full(1, 1e9))
    done = replay(check_document(raw, Policy), trace, RuntimeManager(raw))
    assert done.manager.energy_j is None
    assert done.fixed[1].energy_j == 0.5
