"""What planning again can do without computing: plans of kinds, and the groups of a placement as arrays.

It is kept in a file beside the placement, which is correct without it: the file names the hash of the placement, every
kind the hash of what decides its plans, and what does not fit is not used.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from planner.fin.instance.network import Floats, Ints
from planner.fleet.instance.fleet_instance import FleetInstance
from planner.fleet.method import Before, Solution
from planner.fleet.plans.kind import PlanSet
from planner.fleet.plans.known import KnownPlans
from planner.schemas.fleets.placement import FleetPlacement

LEAST_PLANS = 2_000
"""Plans of all kinds below which enumerating them takes no time worth a file."""
_MARK = "planner fleet memory 2"
_SMALL = ("slot", "step", "result_step", "point")
_FIELDS = ("energy_j", "latency_s", "loads_s", "most_rate_per_s", "memory_bytes", "metrics", *_SMALL)
Arrays = dict[str, Any]


@dataclass(frozen=True)
class Memory:
    """Plans by kind, and n groups of one placement."""

    sets: dict[str, PlanSet]
    """Plans by the hash of their kind, without steps."""
    groups: Arrays
    """`class_names` and `nodes` as texts; (n,) `owner`, `attach` (numbers in these), `kind`, `plan`, `users`; `keys` of
    the kinds; `load_names`, `load_kinds` and `load_prices` of the loads."""


def memory_path(placement: Path) -> Path:
    """Return the path of the file beside a placement."""
    return placement.with_name(placement.stem + ".plans.npz")


def memory_of(instance: FleetInstance, known: KnownPlans, solution: Solution, placement: FleetPlacement) -> Memory:
    """Collect what planning again can read instead of computing it: plans of kinds, and the groups of a placement.

    Args:
        instance: The fleet.
        known: Plans of its kinds.
        solution: Users with plans.
        placement: The same as a placement.

    Returns:
        Plans by the hash of their kind, and the n groups as arrays.
    """
    pair, columns = solution.pair, instance.columns
    kind = instance.pair_kind[pair]
    number = np.zeros(len(pair), dtype=np.int64)
    for index in np.unique(kind):
        here = kind == index
        number[here] = instance.kinds[index].plans.number[solution.plan[here]]
    groups: Arrays = {
        "class_names": np.array(columns.class_names, dtype=np.str_), "nodes": np.array(columns.nodes, dtype=np.str_),
        "owner": instance.pair_class[pair], "attach": columns.link_node[instance.pair_link[pair]],
        "kind": kind, "plan": number, "users": solution.users,
        "keys": np.array([each.key for each in instance.kinds], dtype=np.str_),
        "load_names": np.array([each.name for each in placement.loads], dtype=np.str_),
        "load_kinds": np.array([each.kind for each in placement.loads], dtype=np.str_),
        "load_prices": np.array([each.price_w for each in placement.loads], dtype=np.float64),
    }  # fmt: skip
    return Memory(known.used, groups)


def write_memory(path: Path, memory: Memory, placement: bytes, version: str) -> None:
    """Write the file beside a placement; where that is not possible, or another file stands there, nothing happens.

    Args:
        path: The file.
        memory: What to keep.
        placement: The bytes of the placement.
        version: The planner's version; another one may see other plans.
    """
    if sum(each.count for each in memory.sets.values()) < LEAST_PLANS or not _is_ours(path):
        return
    arrays = {f"group_{name}": value for name, value in memory.groups.items()} | _flat(memory.sets)
    arrays["mark"] = np.array([_MARK, version, hashlib.sha256(placement).hexdigest(), _digest(arrays)])
    try:
        with tempfile.NamedTemporaryFile(prefix=".planner-", dir=path.resolve().parent, delete=False) as file:
            temporary = Path(file.name)
            try:
                np.savez(file, **arrays)
                temporary.chmod(0o644)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
    except OSError:  # the file is only a help
        return


def read_memory(path: Path, placement: bytes, version: str) -> Memory | None:
    """Read what was kept of a placement, and check by hashes that it is of this placement and is whole.

    Args:
        path: The file.
        placement: The bytes of the placement.
        version: The planner's version.

    Returns:
        Plans of kinds and the groups; None where there is no such file, or where it does not fit.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        mark, made_by, hashed, digest = arrays.pop("mark").tolist()
        if (mark, made_by, hashed, digest) != (_MARK, version, hashlib.sha256(placement).hexdigest(), _digest(arrays)):
            return None
        groups = {name.removeprefix("group_"): value for name, value in arrays.items() if name.startswith("group_")}
        return Memory(_sets(arrays), groups)
    except (OSError, ValueError, KeyError, IndexError, EOFError, BadZipFile):
        return None


def _is_ours(path: Path) -> bool:
    """Tell whether the file may be written: there is none, or one of an earlier plan."""
    if not path.exists():
        return True
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            return str(file["mark"][0]).startswith("planner fleet memory")
    except (OSError, ValueError, KeyError, IndexError, EOFError, BadZipFile):
        return False


def _digest(arrays: Arrays) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name}{arrays[name].dtype}{arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def _flat(sets: dict[str, PlanSet]) -> Arrays:
    """Return the plans of all kinds one behind the other, with the shape of every field of every kind."""
    arrays: Arrays = {"keys": np.array(list(sets), dtype=np.str_)}
    for name in _FIELDS:
        parts = [getattr(each, name) for each in sets.values()]
        dtype = np.int32 if name in _SMALL else np.float64
        arrays[f"plan_{name}"] = np.concatenate([part.reshape(-1) for part in parts]).astype(dtype)
        arrays[f"shape_{name}"] = np.array([(*part.shape, -1)[:2] for part in parts], dtype=np.int64)
    return arrays


def _sets(arrays: Arrays) -> dict[str, PlanSet]:
    keys = arrays["keys"].tolist()
    found: list[Arrays] = [{} for _ in keys]
    for name in _FIELDS:
        shapes = [tuple(size for size in shape if size >= 0) for shape in arrays[f"shape_{name}"].tolist()]
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
        for fields, shape, part in zip(found, shapes, np.split(arrays[f"plan_{name}"], ends), strict=True):
            fields[name] = part.reshape(shape).astype(np.int64 if name in _SMALL else np.float64)
    return {
        key: PlanSet(**fields, number=np.arange(len(fields["energy_j"])), steps=())
        for key, fields in zip(keys, found, strict=True)
    }


def before_of_memory(instance: FleetInstance, memory: Memory) -> Before | None:
    """Return what a placement means for a fleet; None where some plan of it is not the same one any more.

    Args:
        instance: The fleet as it is now.
        memory: What was kept of the placement.
    """
    held = memory.groups
    position = {str(name): index for index, name in enumerate(instance.columns.class_names)}
    owner = np.array([position.get(name, -1) for name in held["class_names"].tolist()], dtype=np.int64)[held["owner"]]
    here = owner >= 0
    users = held["users"]
    pair = _pairs(instance, held, owner)
    kind = instance.pair_kind[pair]
    plan = np.full(len(pair), -1, dtype=np.int64)
    for index in np.unique(kind):
        plans, chosen = instance.kinds[index].plans, here & (kind == index) & (pair >= 0)
        now = np.full(1 + max(int(plans.number.max(initial=-1)), int(held["plan"].max(initial=-1))), -1)
        now[plans.number] = np.arange(plans.count)
        plan[chosen] = now[held["plan"][chosen]]
        if (plan[chosen] < 0).any():
            return None
        rates = instance.rate_per_s[owner[chosen]]
        if (rates > plans.most_rate_per_s[plan[chosen]] * (1.0 + 1e-9)).any():
            return None
    if (plan[here] < 0).any():
        return None
    order = np.lexsort((plan[here], pair[here]))
    none = np.zeros(instance.classes, dtype=np.int64)
    solution = Solution(pair[here][order], plan[here][order], users[here][order], none)
    return Before(solution, _prices(instance, held), none, int(users[~here].sum()))


def _pairs(instance: FleetInstance, held: Arrays, owner: Ints) -> Ints:
    """(n,) first pair of each group's class, attach node and kind; -1 where there is none."""
    nodes = {name: index for index, name in enumerate(instance.columns.nodes)}
    kinds = {each.key: index for index, each in enumerate(instance.kinds)}
    attach = np.array([nodes.get(name, -1) for name in held["nodes"].tolist()], dtype=np.int64)[held["attach"]]
    kind = np.array([kinds.get(key, -1) for key in held["keys"].tolist()], dtype=np.int64)[held["kind"]]
    many, most = 1 + len(nodes), 1 + len(kinds)
    codes = (instance.pair_class * many + instance.columns.link_node[instance.pair_link]) * most + instance.pair_kind
    wanted = (owner * many + attach) * most + kind
    distinct, first = np.unique(codes, return_index=True)
    place = np.minimum(np.searchsorted(distinct, wanted), len(distinct) - 1)
    known = (distinct[place] == wanted) & (owner >= 0) & (attach >= 0) & (kind >= 0)
    return np.where(known, first[place], -1)


def _prices(instance: FleetInstance, held: Arrays) -> Floats:
    prices = np.zeros(instance.resources.count)
    rows = {(instance.resources.kind(row), name): row for row, name in enumerate(instance.resources.names)}
    parts = (held["load_kinds"].tolist(), held["load_names"].tolist(), held["load_prices"].tolist())
    for kind, name, price in zip(*parts, strict=True):
        if (row := rows.get((kind, name))) is not None:
            prices[row] = price
    return prices
