"""Adaptation: placements for every state of a topology, plans on measured rates, and designs of one device.

`placement_policy.plan_for_states` plans each state on inputs that `degradation` derives; `measured_rates` steps plans
through rate traces; `designs` reads files for `planner.carin`.
"""
