"""Contracts of real networks: cuts of a bundle, manifests of pieces, addresses of nodes, records of runs."""
