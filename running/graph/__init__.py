"""Division of networks: exits, cuts into blocks with all tensors that cross them, calibration, bundles."""
