"""Mutated files of every kind: each ends in a result or a message, with an exit code of the contract."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import mutation_targets
import mutations
import pytest
from mutation import Target

from planner.running.agents import connections

MANY = os.environ.get("HYPOTHESIS_PROFILE") == "ci"
IN_PROCESS = int(os.environ.get("PLANNER_TEST_MUTATIONS", "20000" if MANY else "400"))
"""Mutated files that commands of this process read; a hundredth of them, but at least 10, are read by processes."""
SHARDS, PROCESS_SHARDS = 20, 10


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Target]]:
    """Return a folder with results of every kind, and what is mutated there."""
    folder = tmp_path_factory.mktemp("mutated")
    return folder, mutation_targets.targets(folder)


def test_every_kind_of_file_is_taken_as_it_is(made: tuple[Path, list[Target]]) -> None:
    folder, targets = made
    for target in targets:
        ran = mutations.run_here(*mutations.written(folder, target, target.plain()))
        assert ran.code == (1 if ran.words[0] == "run" else 0), (target.name, ran.err)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_mutated_files_keep_the_contract(
    made: tuple[Path, list[Target]], tmp_path: Path, shard: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "GREETING_S", 0.05)  # nobody listens where nodes are mutated
    codes: Counter[int] = Counter()
    for number, case in enumerate(mutations.cases(*made, shard, IN_PROCESS // SHARDS)):
        try:
            ran = mutations.run_here(*case)
        except Exception as error:
            kept = tmp_path / "case"
            kept.write_bytes(case[2])
            pytest.fail(f"case {number}: {error!r} of {' '.join(case[1])}, input kept as {kept}")
        assert not mutations.broken_rules(ran), (number, ran)
        codes[ran.code] += 1
    assert codes[0] > 0, "a mutation is small: some files stay valid"
    assert codes[2] > sum(codes.values()) / 4


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(PROCESS_SHARDS))
def test_mutated_files_keep_the_contract_as_processes(made: tuple[Path, list[Target]], shard: int) -> None:
    for case in mutations.cases(*made, 1_000 + shard, max(1, IN_PROCESS // 100 // PROCESS_SHARDS)):
        ran, memory_bytes = mutations.run_process(*case)
        assert not mutations.broken_rules(ran), ran
        assert memory_bytes <= mutations.MOST_BYTES, ran
