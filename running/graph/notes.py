"""Notes of an import: where no split saves bits, and what of `If`, `Loop` and `Scan` is counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from planner.running.graph.flow import Flow
from planner.running.network.activations import first_output
from planner.running.network.branches import deciding_inputs
from planner.running.network.inner import Remark

_MOST_NAMES = 3
_NO_SAVING = "no boundary carries fewer bits than the input before nearly all is computed: no split saves bits"
_MEASURE = "measure the blocks with planner profile before planning"


def import_notes(flow: Flow, bits: Sequence[float | None], ops: Sequence[float]) -> tuple[str, ...]:
    """Return what a reader must know of an imported network.

    Args:
        flow: The network.
        bits: Bits that cross every boundary of the backbone; None where a tensor cannot be carried.
        ops: Operations of every live node.

    Returns:
        One sentence each: no split saves bits, a result's size or a loop's passes depend on the data, branches.
    """
    notes = [] if _saves_bits(bits, ops[: flow.backbone]) else [_NO_SAVING]
    insides = flow.folded.insides
    remarks = [
        remark for node in flow.nodes if first_output(node) in insides for remark in insides[first_output(node)].remarks
    ]
    varying = [name for name in flow.final if name in flow.folded.varying]
    if varying:
        notes.append(f"the size of {_listed(varying)} depends on the data: that of one random input is planned")
    return (*notes, *_branch_notes(flow, remarks), *_pass_notes(remarks), *_part_notes(remarks))


def fixing_command(inputs: Sequence[str]) -> str:
    """Return the command that fixes inputs to values.

    Args:
        inputs: Their names.

    Returns:
        The command as typed into a shell, with a placeholder for every value.
    """
    return " ".join(["planner import", *(f"--value {name}=NUMBER" for name in inputs)])


def _branch_notes(flow: Flow, remarks: Sequence[Remark]) -> list[str]:
    nodes = _nodes(remarks, "branch")
    if not nodes:
        return []
    text = f"of {_listed(nodes)} the branch with more operations is counted"
    deciding = deciding_inputs(flow.folded.model)
    return [f"{text}; fix what decides, so that one branch is left: {fixing_command(deciding)}" if deciding else text]


def _pass_notes(remarks: Sequence[Remark]) -> list[str]:
    most = {remark.node: remark.most for remark in remarks if remark.kind == "pass"}
    bounded = [node if most[node] is None else f"{node} (at most {most[node]})" for node in _nodes(remarks, "pass")]
    if not bounded:
        return []
    text = f"the number of passes of {_listed(bounded)} depends on the data: operations of one pass are counted"
    return [f"{text}; {_MEASURE}"]


def _part_notes(remarks: Sequence[Remark]) -> list[str]:
    nodes = _nodes(remarks, "part")
    return [f"not all operations inside of {_listed(nodes)} are counted; {_MEASURE}"] if nodes else []


def _nodes(remarks: Sequence[Remark], kind: Literal["branch", "pass", "part"]) -> list[str]:
    return list(dict.fromkeys(remark.node for remark in remarks if remark.kind == kind))


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _saves_bits(bits: Sequence[float | None], ops: Sequence[float]) -> bool:
    """Tell whether some boundary before the last 5 % of the operations carries fewer bits than the input."""
    done, total = 0.0, sum(ops)
    for here, each in zip(bits[1:-1], ops, strict=False):
        done += each
        if here is not None and here < (bits[0] or 0.0) and done < 0.95 * total:
            return True
    return False
