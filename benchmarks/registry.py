"""Every case there is."""

from __future__ import annotations

from benchmarks.adaptation import Adaptation
from benchmarks.batch import Batch
from benchmarks.designed import Designed
from benchmarks.geometric import Geometric
from benchmarks.joint_milp import JointMilp
from benchmarks.large import Large
from benchmarks.parallel import Parallel
from benchmarks.peers import Peers
from benchmarks.replan import Replan
from benchmarks.report import Case
from benchmarks.startup import StartUp
from benchmarks.together import Together
from benchmarks.traces import Traces

CASES: tuple[Case, ...] = (
    Peers(), Large(), Designed(), StartUp(), Batch(),
    Geometric(), Together(), JointMilp(), Replan(), Traces(), Adaptation(), Parallel(),
)  # fmt: skip
