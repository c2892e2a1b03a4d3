"""Checks of links all at once against the same checks link by link."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from planner.schemas.planning.topology import Link, _check_links, _link_findings

NAMES = {"a", "b", "c"}
END = st.sampled_from(["a", "b", "c", "d", 1, None, ["a"]])
SOUND_END = st.sampled_from(sorted(NAMES))


def links(ends: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Links of few names, some in both directions."""
    link = st.fixed_dictionaries(
        {"source": ends, "target": ends}, optional={"bidirectional": st.sampled_from([True, False, "yes"])}
    )
    return st.lists(link, max_size=5)


@given(links(END) | links(SOUND_END))
def test_faults_are_those_found_link_by_link(found: list[dict[str, Any]]) -> None:
    assert list(_check_links(found, NAMES)) == list(_link_findings(found, NAMES))


def test_links_that_are_built_already_are_checked_too() -> None:
    link = Link(source="a", target="b", bit_per_s=1.0)
    assert list(_check_links([link], NAMES)) == []
    ((where, _, message, _),) = _check_links([link, {"source": "a", "target": "b"}], NAMES)
    assert where == ("links", 1)
    assert "second link" in message


def test_an_end_is_missing() -> None:
    assert list(_check_links([{"source": "a"}], NAMES)) == []
