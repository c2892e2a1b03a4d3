"""How many random examples a property test tries: few at the desk and before a change lands, many in the profile ci."""

from __future__ import annotations

from hypothesis import Phase, settings

MANY = settings().max_examples > 100
"""Whether the profile of many examples is on (`HYPOTHESIS_PROFILE=ci`)."""


def examples(few: int, many: int) -> int:
    """Return the number of examples of the profile that is on."""
    return many if MANY else few


def against_oracle(few: int) -> int:
    """Return the number of examples where an optimum is held against enumeration or against another program."""
    return examples(few, 2000)


def generated(few: int, many: int) -> settings:
    """Return settings that draw this many examples and do not shrink: each takes long."""
    return settings(max_examples=examples(few, many), phases=[Phase.explicit, Phase.generate])


def generated_against_oracle(few: int) -> settings:
    """Return such settings for comparisons of an optimum with enumeration or with another program."""
    return generated(few, against_oracle(few))
