"""Profiles of the property tests: quick at the desk, many examples in CI (``HYPOTHESIS_PROFILE=ci``)."""

from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings
from ortools.math_opt.python import mathopt  # noqa: F401 - before CVXPY, whose HiGHS has symbols of the same names

_COMMON = {"deadline": None, "derandomize": True, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("desk", max_examples=100, **_COMMON)
settings.register_profile("ci", max_examples=300, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "desk"))

# tests interrupt commands: in the background, and under `nohup`, these would inherit that the signal is ignored
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
