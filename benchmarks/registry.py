"""Registry of benchmark cases: all that ``python -m benchmarks`` runs."""

from __future__ import annotations

from benchmarks.carin.adaptation import Adaptation
from benchmarks.clear.geometric import Geometric
from benchmarks.clear.joint import Together
from benchmarks.clear.milp import JointMilp
from benchmarks.clear.replan import Replan
from benchmarks.clear.traces import Traces
from benchmarks.fin.designed import Designed
from benchmarks.fin.large import Large
from benchmarks.fin.peers import Peers
from benchmarks.fin.plan_many import Batch
from benchmarks.fin.shapes import Shapes
from benchmarks.fleets.melbourne import Fleets
from benchmarks.report import Case
from benchmarks.system.parallel import Parallel
from benchmarks.system.running import Running
from benchmarks.system.startup import StartUp

CASES: tuple[Case, ...] = (
    Peers(), Large(), Shapes(), Designed(), StartUp(), Batch(),
    Geometric(), Together(), JointMilp(), Replan(), Traces(), Adaptation(), Fleets(), Parallel(), Running(),
)  # fmt: skip
