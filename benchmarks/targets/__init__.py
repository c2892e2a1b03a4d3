"""One table of speed targets: each row in a process of its own, beside a peer or a yardstick of that run."""
