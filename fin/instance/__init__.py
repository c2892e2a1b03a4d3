"""One app and its network as arrays of costs, packages expanded."""
