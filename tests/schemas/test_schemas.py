"""Contracts: bad documents are refused with file, path, value and advice, all problems at once."""

from __future__ import annotations

import copy

import pytest
from pydantic import ValidationError
from schema_documents import BIG, DELETE, MAKERS, edited, model, problems_of, topology

from planner.schemas import InputError, Model, Topology, check_document
from planner.schemas.export import DOCUMENTS


@pytest.mark.parametrize("kind", MAKERS)
def test_the_good_documents_of_these_tests_are_good(kind: str) -> None:
    assert check_document(MAKERS[kind](), DOCUMENTS[kind])


def test_packages_of_one_name_are_refused() -> None:
    document = topology()
    document["packages"].append(copy.deepcopy(document["packages"][0]))
    problem = problems_of("topology", document)[0]
    assert (problem.path, problem.message) == ("packages[1].name", "this name is used twice")


def test_a_topology_without_nodes_is_refused() -> None:
    (problem,) = problems_of("topology", {"schema_version": "1", "name": "t"})
    assert (problem.path, problem.message) == ("nodes", "the topology has no node")


def test_a_model_needs_points_or_a_calibration() -> None:
    (problem,) = problems_of("model", edited("model", ("operating_points", DELETE), ("calibration", DELETE)))
    assert problem.path == "operating_points"
    check_document(edited("model", ("operating_points", DELETE)), Model)
    check_document(edited("model", ("calibration", DELETE)), Model)


def test_fractions_may_be_off_by_rounding() -> None:
    check_document(edited("model", ("operating_points[0].exit_fractions.e1", 0.4 + 9e-7)), Model)
    problems_of("model", edited("model", ("operating_points[0].exit_fractions.e1", 0.4 + 2e-6)))


def test_links_each_way_and_links_between_chiplets_further_apart_are_fine() -> None:
    links = [
        {"source": "n1", "target": "n2", "bit_per_s": 1},
        {"source": "n2", "target": "n1", "bit_per_s": 1},
        {"source": "p[0,0]", "target": "p[0,2]", "bit_per_s": 1},
        {"source": "p", "target": "p[1,1]", "bit_per_s": 1},
    ]
    check_document(edited("topology", ("links", links)), Topology)


def test_all_problems_come_at_once() -> None:
    document = edited(
        "model",
        ("blocks[0].opps", 1),
        ("blocks[1].ops", "50ms"),
        ("blocks[2].name", "b1"),
        ("exits[0].after", "nowhere"),
        ("operating_points[0].accuracy", 80),
        ("operating_points[1].exit_fractions.e3", 0.5),
        ("calibration.exits.e1.exited", [1]),
        ("input_bits", DELETE),
    )
    assert [problem.path for problem in problems_of("model", document)] == [
        "input_bits",
        "blocks[0].opps",
        "blocks[1].ops",
        "operating_points[0].accuracy",
        "blocks[2].name",
        "exits[0].after",
        "exits[1].after",
        "operating_points[1].exit_fractions",
        "calibration.exits.e1.exited",
        "calibration.exits.e1.correct[0]",
    ]


def test_the_error_as_text_has_a_line_for_each_problem() -> None:
    with pytest.raises(InputError) as caught:
        check_document(edited("model", ("blocks[0].ops", -1), ("blocks[1].ops", -2)), Model, "m.json")
    lines = str(caught.value).splitlines()
    assert [line.partition(" (")[0] for line in lines] == [
        f"m.json: blocks[{index}].ops: Input should be greater than or equal to 0" for index in (0, 1)
    ]


ODD_VALUES = ({}, {"a": [1]}, [], [1], [[1]], None, 0, -1, 1.5, True, "", "x", "p", float("nan"), BIG)


def places(value: object, where: str = "") -> list[str]:
    """List every place of a document, such as ``blocks[0].ops``."""
    if isinstance(value, dict):
        inner = [(f"{where}.{key}" if where else key, item) for key, item in value.items()]
    elif isinstance(value, list):
        inner = [(f"{where}[{index}]", item) for index, item in enumerate(value)]
    else:
        return []
    return [place for deeper, item in inner for place in [deeper, *places(item, deeper)]]


@pytest.mark.parametrize("kind", MAKERS)
def test_whatever_stands_anywhere_is_taken_or_refused_in_words(kind: str) -> None:
    """Put every odd value in every place: nothing but InputError, with at least one problem, may come out."""
    refused = 0
    for place in places(MAKERS[kind]()):
        for value in ODD_VALUES:
            try:
                check_document(edited(kind, (place, value)), DOCUMENTS[kind], "f")
            except InputError as error:
                assert error.problems, (place, value)
                refused += 1
    assert refused > 100


@pytest.mark.parametrize("kind", DOCUMENTS)
@pytest.mark.parametrize("raw", [None, [], [1], "text", 5, True])
def test_a_file_that_is_no_object_is_refused(kind: str, raw: object) -> None:
    (problem,) = problems_of(kind, raw)
    assert problem.fix == "give an object {...}"


def test_documents_are_frozen() -> None:
    document = check_document(model(), Model)
    with pytest.raises(ValidationError):
        document.name = "other"  # type: ignore[misc] # that is the point


def test_a_route_of_one_node_is_refused_in_words() -> None:
    """The list is not empty but too short, which must not be passed over in silence."""
    plan = {
        "name": "a", "operating_point": "k", "exit_fractions": {"e": 1.0}, "accuracy": 1.0,
        "assignments": [{"block": "b", "node": "n"}], "routes": [{"after": None, "path": ["n"], "bits": 1.0}],
        "energy_j": 1.0, "latency_s": 1.0,
        "breakdown": {"compute_j": 1.0, "transfer_j": 0.0, "compute_s": 1.0, "transfer_s": 0.0},
    }  # fmt: skip
    (problem,) = problems_of("placement", {"schema_version": "1", "status": "optimal", "apps": [plan]})
    assert problem.path == "apps[0].routes[0].path"
