"""Every case there is."""

from __future__ import annotations

from benchmarks.batch import Batch
from benchmarks.designed import Designed
from benchmarks.geometric import Geometric
from benchmarks.large import Large
from benchmarks.parallel import Parallel
from benchmarks.peers import Peers
from benchmarks.report import Case
from benchmarks.startup import StartUp

CASES: tuple[Case, ...] = (Peers(), Large(), Designed(), StartUp(), Batch(), Geometric(), Parallel())
