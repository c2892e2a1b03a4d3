"""Documents of planning: model, topology, workload, placement, front, rate traces."""
