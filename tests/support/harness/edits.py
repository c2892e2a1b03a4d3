"""Changes of raw documents, and what the verifier finds then."""

from __future__ import annotations

import copy


def changed(raw, changes):
    """A copy of raw JSON with the values at dotted paths replaced (``...``: removed)."""
    result = copy.deepcopy(raw)
    for path, value in changes.items():
        *parents, last = [int(key) if key.isdigit() else key for key in path.split(".")]
        target = result
        for key in parents:
            target = target[key]
        if value is ...:
            del target[last]
        elif isinstance(target, list) and last == len(target):
            target.append(value)
        else:
            target[last] = value
    return result


def whats(violations):
    return sorted({violation.what for violation in violations})
