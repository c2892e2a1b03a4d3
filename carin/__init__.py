"""CARIn: which joint design of a device to run under its SLOs, and which to switch to in every state of the device.

A joint design is one design (a model variant on an engine, with options) per task. The main steps, each a module:

- `design_space`: the designs file as arrays; `scoring`: metrics, constraints and distances of all joint designs.
- `candidates`: the joint designs that any state can call for; `rass`: the design of every state;
  `bounded_design_set`: the same from a design set of limited size.
- `adapt`: all of it, from a designs file to a policy; `baselines`: OODIn and other choices to compare with.
- `manager`: the runtime manager, a look-up in the policy for each sample of load and memory; `replay`: a recorded trace
  run through it, beside fixed designs and oracles (`clairvoyant_oracle`).

Panopoulos et al., CARIn, ACM TECS 2024, doi 10.1145/3665868, arXiv 2409.01089.

Example:
    >>> from planner.carin.manager import RuntimeManager
    >>> manager = RuntimeManager.from_file("policy.json")  # doctest: +SKIP
    >>> manager.observe(0.0, [0.9, 0.1], 2e8)  # doctest: +SKIP
    'd1'
"""
