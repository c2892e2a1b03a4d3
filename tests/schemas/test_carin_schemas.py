"""Designs and policies that cannot be used are refused with file, path, value and advice."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import pytest
from schema_documents import DELETE, with_edits

from planner.schemas import Designs, InputError, Policy, check_document
from planner.schemas.adaptation.designs import MAX_ENGINES, MAX_JOINT_DESIGNS, MAX_TASKS
from planner.schemas.adaptation.policy import engines_of
from planner.schemas.export import DOCUMENTS, json_schema

Json = dict[str, Any]


def designs() -> Json:
    return {
        "schema_version": "1",
        "name": "uc1",
        "engines": ["cpu", "gpu"],
        "memory_budget_bytes": 5e7,
        "tasks": [
            {
                "name": "scene",
                "designs": [
                    {
                        "name": "net-int8@cpu4", "engine": "cpu", "options": {"threads": 4}, "accuracy": 0.75,
                        "size_bytes": 5e6, "memory_bytes": 4e7, "energy_j": 0.02,
                        "latency_s": {"mean": 0.012, "std": 0.001, "p95": 0.014, "max": 0.02},
                    },
                    {
                        "name": "net@gpu", "engine": "gpu", "accuracy": 0.8, "size_bytes": 2e7, "memory_bytes": 9e7,
                        "energy_j": 0.05, "latency_s": {"mean": 0.01, "max": 0.02},
                    },
                ],
            },
            {
                "name": "faces",
                "designs": [
                    {"name": "f@cpu", "engine": "cpu", "memory_bytes": 1e6, "latency_s": {"mean": 0, "max": 1}},
                ],
            },
        ],
        "contention": {"cpu": [1.0, 1.9]},
        "objectives": [{"metric": "latency_s", "statistic": "mean", "task": "scene", "weight": 1.0}],
        "constraints": [
            {"metric": "latency_s", "statistic": "max", "task": "scene", "max": 0.05},
            {"metric": "accuracy", "task": "scene", "min": 0.7},
        ],
    }  # fmt: skip


def policy() -> Json:
    rows = [((), False), ((), True), (("cpu",), False), (("cpu",), True)]
    task = {"engine": "cpu", "memory_bytes": 1.0}
    return {
        "schema_version": "1",
        "design_set": [
            {
                "name": "d0",
                "choice": {"t": "a"},
                "distance": 0.4,
                "metrics": {"memory_bytes": 1.0, "tasks": {"t": task}},
            }
        ],
        "policy": [
            {"overloaded": list(overloaded), "memory_tight": tight, "design": "d0", "degraded": bool(overloaded)}
            for overloaded, tight in rows
        ],
    }


MAKERS = {"designs": designs, "policy": policy}


def edited(kind: str, where: str, value: Any) -> Json:
    return with_edits(MAKERS[kind](), (where, value))


@pytest.mark.parametrize("kind", MAKERS)
def test_good_documents_are_good(kind: str) -> None:
    assert check_document(MAKERS[kind](), DOCUMENTS[kind])
    jsonschema.validate(MAKERS[kind](), json.loads(json_schema(kind)))


SCENE = "tasks[0].designs[0]"
BAD: list[tuple[Any, ...]] = [
    # kind, place, value, words of the message, words of the fix, path of the problem (if it is not the place)
    ("designs", f"{SCENE}.energy", 1.0, "unknown field", "did you mean 'energy_j'?"),
    ("designs", "budget", 1.0, "unknown field", "remove it"),
    ("designs", "objectives[0].wait", 1.0, "unknown field", "did you mean 'weight'?"),
    ("designs", "constraints[0].maximum", 1.0, "unknown field", "'max'"),
    ("designs", f"{SCENE}.accuracy", 1.2, "less than or equal to 1", "change"),
    ("designs", f"{SCENE}.memory_bytes", -1.0, "greater than or equal to 0", "change"),
    ("designs", f"{SCENE}.memory_bytes", DELETE, "required field is missing", "add"),
    ("designs", f"{SCENE}.memory_bytes", "4 MB", "not a number", "plain number"),
    ("designs", f"{SCENE}.energy_j", float("nan"), "finite", "finite"),
    ("designs", f"{SCENE}.latency_s.mean", float("inf"), "", ""),
    ("designs", f"{SCENE}.latency_s.mean", -0.1, "greater than or equal to 0", "change"),
    ("designs", f"{SCENE}.latency_s.median", 0.1, "not a statistic", "mean, std, min, max or a percentile"),
    ("designs", f"{SCENE}.latency_s.p101", 0.1, "not a statistic", "percentile"),
    ("designs", f"{SCENE}.size_bytes", 1e31, "too large (at most 1e+30)", "change"),
    ("designs", f"{SCENE}.options.threads", {"big": 4}, "neither a text, a number nor true or false", "plain value"),
    ("designs", f"{SCENE}.options.threads", None, "neither a text, a number nor true or false", "plain value"),
    ("designs", f"{SCENE}.options.threads", float("nan"), "neither a text, a number", "plain value"),
    ("designs", f"{SCENE}.engine", "npu", "no engine of this name", "use one of 'cpu', 'gpu'"),
    ("designs", "tasks[0].designs[1].name", "net-int8@cpu4", "used twice", "designs[0] has it"),
    ("designs", "tasks[1].name", "scene", "used twice", "tasks[0]"),
    ("designs", "tasks[0].designs", [], "", "at least one entry"),
    ("designs", "tasks", [], "", "at least one entry"),
    ("designs", "engines", [], "", "at least one entry", "engines"),
    ("designs", "engines", ["cpu", "gpu", "cpu"], "stands twice", "each engine once", "engines[2]"),
    ("designs", "engines", ["cpu", "gpu", *map(str, range(MAX_ENGINES))], "states", f"at most {MAX_ENGINES}"),
    ("designs", "objectives", [], "", "at least one entry"),
    ("designs", "objectives[0].weight", -1.0, "greater than or equal to 0", "change"),
    ("designs", "objectives[0].metric", "latency", "", ""),
    ("designs", "objectives[0].task", "speech", "no task of this name", "'scene', 'faces'"),
    ("designs", "objectives[0].statistic", "p99", "no design has latency_s.p99", "measure it"),
    ("designs", "objectives[0].statistic", "p95",
     "1 of 2 designs (such as 'scene: net@gpu') have no latency_s.p95", "measure it"),
    ("designs", "objectives[0]", {"metric": "accuracy"}, "(such as 'faces: f@cpu')", "", "objectives[0].metric"),
    ("designs", "objectives[0]", {"metric": "energy_j", "task": "faces"}, "no design has energy_j", "",
     "objectives[0].metric"),
    ("designs", "objectives[0]", {"metric": "throughput_per_s"}, "latency of 0 has no throughput", "above 0",
     "objectives[0].statistic"),
    ("designs", "objectives[0]", {"metric": "throughput_per_s", "statistic": "std"}, "deviation says nothing", "mean",
     "objectives[0].statistic"),
    ("designs", "constraints[1].statistic", "mean", "single number without statistics", "leave it out"),
    ("designs", "constraints[1].min", DELETE, "bounds nothing", "give max or min", "constraints[1]"),
    ("designs", "constraints[1].max", 0.6, "min is above max (0.6)", "swap", "constraints[1].min"),
    ("designs", "constraints[1].task", "speech", "no task of this name", "'scene', 'faces'"),
    ("designs", "contention.npu", [1.0], "no engine of this name", "'cpu', 'gpu'"),
    ("designs", "contention.cpu", [1.0, 0.5], "greater than or equal to 1", "change", "contention.cpu[1]"),
    ("designs", "contention.cpu", [1.0], "1 factor, but 2 tasks can share the engine", "1 to 2"),
    ("designs", "contention.cpu", [], "0 factors, but 2 tasks", "1 to 2"),
    ("designs", "contention.cpu", [1.0, float("nan")], "", "", "contention.cpu[1]"),
    ("designs", "memory_budget_bytes", -5.0, "greater than or equal to 0", "change"),
    ("designs", "max_designs", 0, "greater than or equal to 1", "change"),
    ("designs", "max_designs", 1.5, "", "whole number"),
    ("designs", "schema_version", "2", "", ""),
    ("policy", "design_set", [], "no design", "planner adapt"),
    ("policy", "policy[0].design", "d7", "no design of this name", "name one of it"),
    ("policy", "policy[1].memory_tight", False, "stands twice", "one row", "policy[1]"),
    ("policy", "policy[2].overloaded", ["gpu"], "with all engines overloaded", "row with all of them",
     "policy[3].overloaded"),
    ("policy", "design_set[0].distance", -0.1, "greater than or equal to 0", "change"),
    ("policy", "design_set[0].metrics.tasks", {}, "", ""),
    ("policy", "policy[0].state", 1, "unknown field", "remove it"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "where", "value", "message", "fix", "path"), [(*row, row[1])[:6] for row in BAD])
def test_bad_documents_are_refused(kind: str, where: str, value: Any, message: str, fix: str, path: str) -> None:
    with pytest.raises(InputError) as caught:
        check_document(edited(kind, where, value), DOCUMENTS[kind], "file.json")
    found = [p for p in caught.value.problems if p.path == path and message in p.message and fix in p.fix]
    assert found, "\n".join(map(str, caught.value.problems))
    for problem in caught.value.problems:
        assert problem.file == "file.json"
        assert problem.message
        assert problem.fix


def test_rows_are_not_blamed_for_designs_that_are_missing() -> None:
    with pytest.raises(InputError) as caught:
        check_document(edited("policy", "design_set", []), DOCUMENTS["policy"])
    assert [problem.path for problem in caught.value.problems] == ["design_set"]


def test_all_problems_come_at_once() -> None:
    document = edited("designs", "objectives[0].task", "speech")
    document["constraints"][0]["statistic"] = "p99"
    document["tasks"][0]["designs"][0]["engine"] = "dsp"
    with pytest.raises(InputError) as caught:
        check_document(document, Designs)
    assert {"objectives[0].task", "constraints[0].statistic", f"{SCENE}.engine"} <= {
        problem.path for problem in caught.value.problems
    }


def test_more_than_can_be_scored_is_refused_before_it_is_scored() -> None:
    document = designs()
    one = document["tasks"][1]["designs"][0]
    many = [{**one, "name": f"f{number}@cpu"} for number in range(400)]
    document["tasks"] = [document["tasks"][0]] + [{"name": f"t{number}", "designs": many} for number in range(3)]
    document["contention"] = {}
    assert MAX_JOINT_DESIGNS < 2 * 400**3
    with pytest.raises(InputError, match="128,000,000 joint designs"):
        check_document(document, Designs)
    document["tasks"] = [document["tasks"][0]] + [{"name": f"t{i}", "designs": [one]} for i in range(MAX_TASKS)]
    with pytest.raises(InputError, match=f"more than {MAX_TASKS} tasks"):
        check_document(document, Designs)


def test_policies_lack_no_state() -> None:
    document = policy()
    document["policy"].pop()
    with pytest.raises(InputError, match="3 of 4 states have a row"):
        check_document(document, Policy)
    assert engines_of(document) == ["cpu"]


@pytest.mark.parametrize("kind", MAKERS)
def test_any_mangled_document_is_refused_or_taken_but_breaks_nothing(kind: str) -> None:
    """Put values of every type at every place."""

    def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        return [way, *(place for key, item in items for place in places(item, (*way, key)))]

    for way in places(MAKERS[kind]())[1:]:
        for junk in (None, 7, -1.5, "x", [], {}, [[]], [{}], True, 10**400):
            document = copy.deepcopy(MAKERS[kind]())
            place: Any = document
            for part in way[:-1]:
                place = place[part]
            place[way[-1]] = junk
            try:
                check_document(document, DOCUMENTS[kind])
            except InputError as error:
                assert error.problems
