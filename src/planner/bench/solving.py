"""Planning of one case in this process, with its time and peak memory."""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from planner.bench.case import Case, CaseRow, failed_row
from planner.bench.loaded_inputs import LoadedInputs
from planner.bench.request_building import request_of
from planner.schemas.planning.placement import Placement
from planner.text.app_placement import deployment_text

_RESET_PEAK = "5"
"""What proc(5) takes to set the peak of resident memory to what is held now."""


def warm_up(methods: Iterable[tuple[str, bool]]) -> None:
    """Import what methods need, so that the first case is not charged for it.

    Args:
        methods: Names of methods, and whether each is a joint one.
    """
    import planner.pipeline.dispatch
    from planner.clear.method import JOINT_METHODS, joint_method
    from planner.fin.method import METHODS, method

    for name, joint in methods:
        if joint:
            import planner.pipeline.several_apps  # noqa: F401 - as above

            if name in JOINT_METHODS:
                joint_method(name)
        elif name in METHODS:
            method(name)


def run_case(case: Case, loaded: LoadedInputs) -> CaseRow:
    """Plan a case; any failure of the planner becomes a row of status `error`.

    Args:
        case: The case.
        loaded: The files that it names.
    """
    from planner.pipeline.dispatch import answer

    _reset_peak_memory()
    began = time.perf_counter()
    try:
        placement = answer(request_of(case, loaded))
    except Exception as error:  # one case that fails is no reason to lose the others
        return failed_row(case, f"{type(error).__name__}: {error}")
    return _row(case, placement, time.perf_counter() - began)


def _row(case: Case, placement: Placement, whole_s: float) -> CaseRow:
    apps, total, certificate, timing = placement.apps, placement.total, placement.certificate, placement.timing
    return CaseRow(
        digest=case.digest,
        status=placement.status,
        objective=None if certificate is None else certificate.objective,
        energy_j=None if total is None else total.energy_j,
        latency_s=max((app.latency_s for app in apps), default=None),
        accuracy=min((app.accuracy for app in apps if app.accuracy is not None), default=None),
        power_w=None if total is None else total.power_w,
        value=_value(placement),
        lower_bound=None if certificate is None else certificate.lower_bound,
        relative_gap=None if certificate is None else certificate.relative_gap,
        operating_point=", ".join(app.operating_point for app in apps) or None,
        deployment="; ".join(map(deployment_text, apps)) or None,
        chosen_model=", ".join(app.model for app in apps if app.model is not None) or None,
        chosen_batch=", ".join(str(app.batch) for app in apps) or None,
        nodes_used=None if total is None else total.nodes_used,
        node_share_sum=None if total is None else total.node_share_sum,
        media_share_sum=None if total is None else total.media_share_sum,
        plan=_digest(placement) if apps else None,
        message=placement.message if placement.diagnosis is None else placement.diagnosis.summary,
        build_s=None if timing is None else timing.build_s,
        search_s=None if timing is None else timing.search_s,
        whole_s=whole_s,
        peak_memory_bytes=_peak_memory_bytes(),
    )


def _value(placement: Placement) -> float | None:
    """Return what the objective comes to, in its unit."""
    total, certificate = placement.total, placement.certificate
    if total is None or certificate is None:
        return None
    name = certificate.objective
    if name in total.metrics:
        return total.metrics[name]
    held: float | None = getattr(total if hasattr(total, name) else placement.apps[0], name)
    return held


def _digest(placement: Placement) -> str:
    held: dict[str, Any] = placement.model_dump(mode="json", include={"apps", "node_speeds"})
    return "sha256:" + hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()


def _reset_peak_memory() -> None:
    with suppress(OSError):  # only Linux can; elsewhere the peak is that of the worker so far
        Path("/proc/self/clear_refs").write_text(_RESET_PEAK, encoding="ascii")


def _peak_memory_bytes() -> int:
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
