"""Random small workloads of several apps: alternatives, batches, networks that are no chains, memory, all features."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

import joint_choices
from joint_cases import Case, random_case
from metric_cases import with_metrics

Json = dict[str, Any]


def variant_case(seed: int, most_nodes: int = 3) -> Case:
    """Draw a case in which apps name several models, or several batch sizes, and some of them bite."""
    r = Random(seed)
    case = random_case(r, most_nodes=most_nodes, most_blocks=3)
    apps = [_with_variants(r, app, model, case.topology) for app, model in case.apps]
    return Case(case.topology, tuple(apps))


def _with_variants(r: Random, app: Json, model: Json, topology: Json) -> tuple[Json, list[Json]]:
    app, models = dict(app), [model]
    if r.random() < 0.6:
        models = [_changed(r, model, index) for index in range(r.choice([2, 2, 3]))]
        app["model"] = [f"m{index}.json" for index in range(len(models))]
        if r.random() < 0.5:
            app.pop("min_accuracy", None)
    if r.random() < 0.6 or len(models) == 1:
        app["batch"] = r.choice([[1, 2], [2, 1], [1, 4], [3], [1, 2, 4]])
        if "max_latency_s" in app:
            app["max_latency_s"] *= r.choice([1.0, 2.0, 8.0])
            if r.random() < 0.5:
                app["max_latency_s"] += max(app["batch"]) / app["rate_per_s"]
        if r.random() < 0.6:
            models = [_profiled(r, one, topology) for one in models]
    return app, models


def skip_case(seed: int, most_nodes: int = 3) -> Case:
    """Draw a case with an app or more whose blocks read more than the block before, a few of them with variants."""
    r = Random(seed)
    case = variant_case(seed, most_nodes) if r.random() < 0.3 else random_case(r, most_nodes, most_blocks=4)
    apps = []
    for app, models in case.apps:
        some = [models] if isinstance(models, dict) else models
        apps.append((app, [_with_skips(r, model) for model in some]))
    return Case(case.topology, tuple(apps))


def memory_case(seed: int, most_nodes: int = 3) -> Case:
    """Draw a case whose blocks have working memory, states and named parameters, which some apps share."""
    r = Random(seed)
    case = skip_case(seed, most_nodes) if r.random() < 0.5 else random_case(r, most_nodes, most_blocks=3)
    apps: list[tuple[Json, list[Json]]] = []
    for index, (app, models) in enumerate(case.apps):
        some = [models] if isinstance(models, dict) else models
        if index and r.random() < 0.5:  # apps of one model share its parameters
            path, some = apps[0][0]["model"], apps[0][1]
        else:
            some = [_with_memory(r, {**model, "name": f"m{index}{number}"}) for number, model in enumerate(some)]
            path = f"m{index}0.json" if len(some) == 1 else [f"{model['name']}.json" for model in some]
        blocks = {block["name"] for model in some for block in model["blocks"]}
        pin = {block: nodes for block, nodes in app.get("pin", {}).items() if block in blocks}
        apps.append(({**app, "model": path, "pin": pin}, some))
    topology = copy.deepcopy(case.topology)
    for node in topology["nodes"]:
        if r.random() < 0.7:
            node["memory_bytes"] = float(r.randint(3, 16))
    return Case(topology, tuple(apps))


def mixed_case(seed: int, most_nodes: int = 3) -> Case:
    """Draw a case with metrics, some of them limited, with relays, and with all that a case with memory may have."""
    r = Random(seed)
    case = memory_case(seed, most_nodes)
    topology = with_metrics(r, case.topology, 2)
    roomy = r.choice([1.0, 3.0, 3.0])  # of all that is limited at once, most cases would have no plan
    for node in topology["nodes"]:
        node["hosts"] = node is topology["nodes"][0] or r.random() < 0.85
        if "memory_bytes" in node:
            node["memory_bytes"] *= roomy
    hosting = [node["name"] for node in topology["nodes"] if node.get("hosts", True)]
    apps = []
    for app, models in case.apps:
        pins = {block: [name for name in nodes if name in hosting] for block, nodes in app.get("pin", {}).items()}
        pinned = {**app, "pin": {block: nodes for block, nodes in pins.items() if nodes}}
        pinned |= {"max_latency_s": roomy * app["max_latency_s"]} if "max_latency_s" in app else {}
        apps.append(({**pinned, "limits": _limits(r, pinned, models, topology)}, models))
    return Case(topology, tuple(apps))


def _limits(r: Random, app: Json, models: Any, topology: Json) -> dict[str, float]:
    """Draw limits of metrics around what some choices take."""
    shared, found = joint_choices.places(topology), dict[str, float]()
    takes = [choice.metrics for choice in joint_choices.choices(app, models, topology)]
    for metric in topology["metrics"]:
        if takes and r.random() < 0.25:
            dynamic, static, carried = r.choice(takes)[metric["name"]]
            most = float((dynamic * shared.fastest + static).sum() + carried) / app["rate_per_s"]
            found[metric["name"]] = r.choice([1.0, 1.1, 1.3]) * most
    return found


def _with_memory(r: Random, model: Json) -> Json:
    """Give blocks and heads memory that is no sum over them."""
    model = copy.deepcopy(model)
    names = ("p", "q")[: r.randint(0, 2)]
    for part in [*model["blocks"], *model["exits"]]:
        part["working_bytes"] = float(r.choice([0, 0, 1, 3]))
        part["state_bytes"] = float(r.choice([0, 0, 1]))
        part["params"] = [name for name in names if r.random() < 0.5]
    used = {name for part in [*model["blocks"], *model["exits"]] for name in part["params"]}
    return {**model, "params": {name: float(r.randint(1, 5)) for name in sorted(used)}}


def _with_skips(r: Random, model: Json) -> Json:
    """Give blocks inputs, of which some are tensors of their own that several blocks read."""
    model, sizes = copy.deepcopy(model), dict[tuple[str, str], float]()
    for index, block in enumerate(model["blocks"]):
        names = ["input", *(earlier["name"] for earlier in model["blocks"][:index])]
        if r.random() < 0.25:
            continue
        chosen = r.sample(names, r.randint(1, min(3, len(names))))
        if r.random() < 0.7 and names[-1] not in chosen:
            chosen[0] = names[-1]
        block["inputs"] = []
        for name in chosen:
            row: Json = {"block": name}
            if r.random() < 0.3:
                tensor = r.choice(["a", "b"])
                size = sizes.setdefault((name, tensor), r.choice([0.0, 0.5, r.uniform(0, 4)]))
                row |= {"tensor": tensor, "bits": size}
            block["inputs"].append(row)
    return model


def _changed(r: Random, model: Json, index: int) -> Json:
    other = copy.deepcopy(model)
    other["name"] = f"m{index}"
    factor = r.choice([1.0, 0.5, 0.25])
    for part in [*other["blocks"], *other["exits"]]:
        part["ops"] *= r.choice([factor, 1.0, 2.0])
        part["param_bytes"] = float(int(part["param_bytes"] * factor))
    for block in other["blocks"]:
        block["output_bits"] *= r.choice([factor, 1.0])
    for point in other["operating_points"]:
        point["accuracy"] = r.choice([point["accuracy"], 0.6, 0.8])
    return other


def _profiled(r: Random, model: Json, topology: Json) -> Json:
    """Give some nodes a hardware on which blocks have measured figures of batches, all of the sizes that are drawn."""
    rows: Json = {}
    worked = (part for part in [*model["blocks"], *model["exits"]] if part["ops"] > 0.0)
    for part in worked:  # what has no work costs nothing, unless some hardware needs time for it
        time_s, part_of = r.uniform(0.05, 1.5), r.uniform(0.2, 1.0)
        rows[part["name"]] = {"time_s": {str(size): time_s * size**part_of for size in (1, 2, 3, 4)}}
        if r.random() < 0.5:
            rows[part["name"]]["energy_j"] = {str(size): 2.0 * time_s * size**part_of for size in (1, 2, 3, 4)}
    for node in topology["nodes"]:
        if r.random() < 0.4:
            node["hardware"] = "h"
    return {**model, "profiles": {"h": rows}}
