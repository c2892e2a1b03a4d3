"""Refusal of apps that name what their model or topology does not have, or limit what it does not say."""

from __future__ import annotations

from planner.fin.instance.network import Network
from planner.schemas.planning.model import Model
from planner.schemas.planning.workload import MAXIMISED, MINIMISED, POWER, App
from planner.schemas.reading.problems import InputError, Problem, advice_for, nearest_name, shown


def refuse_unknown_names(app: App, model: Model, network: Network) -> None:
    """Raise InputError with every name in the app that the model or the topology does not have.

    Args:
        app: The app.
        model: Its model.
        network: The network, packages expanded.
    """
    blocks = {block.name for block in model.blocks}
    problems = [
        Problem(
            "",
            f"app {app.name}: {field}",
            name,
            "the topology has no node of this name",
            advice_for(name, sorted(network.names)),
        )
        for field, name in (("source", app.source), ("destination", app.destination))
        if name is not None and name not in network.names
    ]
    if app.private_until is not None and app.private_until not in blocks:
        fix = advice_for(app.private_until, sorted(blocks))
        message = "the model has no block of this name"
        problems.append(Problem("", f"app {app.name}: private_until", app.private_until, message, fix))
    for block, nodes in app.pin.items():
        where = f"app {app.name}: pin.{block}"
        if block not in blocks:
            problems.append(
                Problem("", where, block, "the model has no block of this name", advice_for(block, sorted(blocks)))
            )
        for node in nodes:
            if node not in network.names:
                problems.append(
                    Problem(
                        "",
                        where,
                        node,
                        "the topology has no node of this name",
                        advice_for(node, sorted(network.names)),
                    )
                )
            elif not network.hosts[network.index(node)]:
                die = f"{node}[0,0]" in network.names
                message = "a package's I/O die hosts no block" if die else "this node hosts no block"
                fix = f"pin to a chiplet such as {node}[0,0]" if die else "pin to a node whose hosts is not false"
                problems.append(Problem("", where, node, message, fix))
    if problems:
        raise InputError(problems)


def refuse_unknown_accuracy(app: App, model: Model) -> None:
    """Refuse to limit or maximise the accuracy of a model that does not say it.

    Raises:
        InputError: The app does.
    """
    if model.accuracy_known:
        return
    fix = f'leave it out, or give the model {model.name!r} its "accuracy"'
    if app.min_accuracy:
        message = "the accuracy of the model is unknown, so no limit on it can be kept"
        raise InputError([Problem("", f"app {app.name}: min_accuracy", f"{app.min_accuracy:g}", message, fix)])
    if app.objective == "accuracy":
        message = "the accuracy of the model is unknown, so it cannot be maximised"
        raise InputError([Problem("", f"app {app.name}: objective", app.objective, message, fix)])


def refuse_unknown_metrics(app: App, network: Network) -> None:
    """Raise InputError with every metric that the app limits or minimises and the topology does not define.

    Args:
        app: The app.
        network: The network with its metrics.
    """
    known = network.metrics.names

    def fix(name: str) -> str:
        return advice_for(name, known) if known else "define it in the list metrics of the topology"

    problems = [
        Problem("", f"app {app.name}: limits.{name}", name, "the topology defines no metric of this name", fix(name))
        for name in app.limits
        if name not in known
    ]
    if app.objective not in (*MINIMISED, *MAXIMISED) and app.objective not in known:
        message = "this is no objective"
        near = nearest_name(app.objective, (*MINIMISED, *MAXIMISED, *known))
        advice = "use energy, latency, rate, accuracy or a metric of the topology "
        advice += f"({', '.join(known) or 'it defines none'})" if near is None else f"(did you mean {near!r}?)"
        problems.append(Problem("", f"app {app.name}: objective", app.objective, message, advice))
    if problems:
        raise InputError(problems)


def unknown_objective(objective: str, network: Network) -> list[Problem]:
    """Return what is wrong with the objective of all apps of a workload: a metric that the topology does not define.

    Args:
        objective: The objective.
        network: The network with its metrics.
    """
    known = (POWER, "latency", "accuracy", *network.metrics.names)
    if objective in known:
        return []
    message = "the topology defines no metric of this name"
    return [Problem("", "objective", shown(objective), message, advice_for(objective, known))]
