"""Variants of an app: its models of which one is chosen, and what a placement chose.

Apps are handed on as pairs of an app and a model. An app with alternatives stands in as many pairs, one after the
other, that differ in the model alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from planner.schemas.planning.model import Model
from planner.schemas.planning.placement import AppPlacement, Placement
from planner.schemas.planning.workload import App

Pair = tuple[App, Model]


def variants_of(app: App, models: Iterable[Model]) -> tuple[Pair, ...]:
    """Return an app with each of its models; pins of blocks that only other models have are left out.

    Args:
        app: The app as it was asked for.
        models: Its models, in the order in which it names them.

    Returns:
        A pair for each model, whose app names that model alone.
    """
    read = tuple(models)
    if len(read) == 1:
        return ((app if isinstance(app.model, str) else app.model_copy(update={"model": app.models[0]}), read[0]),)
    names = [{block.name for block in model.blocks} for model in read]
    known = set().union(*names)
    pairs = []
    for path, model, own in zip(app.models, read, names, strict=True):
        pin = {block: nodes for block, nodes in app.pin.items() if block in own or block not in known}
        pairs.append((app.model_copy(update={"model": path, "pin": pin}), model))
    return tuple(pairs)


def by_app(apps: Sequence[Pair]) -> dict[str, list[Pair]]:
    """Return the pairs of every app, by its name."""
    groups: dict[str, list[Pair]] = {}
    for pair in apps:
        groups.setdefault(pair[0].name, []).append(pair)
    return groups


def chosen_by(plan: AppPlacement, pairs: Sequence[Pair]) -> Pair | None:
    """Return the variant that a plan runs; None where it names none of them.

    Args:
        plan: The plan of the app.
        pairs: The app with each of its models.
    """
    if plan.model is None:
        return pairs[0] if len(pairs) == 1 else None
    return next((pair for pair in pairs if pair[0].models == (plan.model,)), None)


def chosen_variants(placement: Placement, apps: Sequence[Pair]) -> list[Pair]:
    """Return every app with the model that a placement chose for it; with its first one where there is no plan.

    Args:
        placement: The placement.
        apps: Every app with each of its models.
    """
    plans = {plan.name: plan for plan in placement.apps}
    chosen = []
    for name, pairs in by_app(apps).items():
        plan = plans.get(name)
        chosen.append((chosen_by(plan, pairs) if plan is not None else None) or pairs[0])
    return chosen
