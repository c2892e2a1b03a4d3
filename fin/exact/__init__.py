"""Stage 3, the exact method: the order of scenarios, the best plan held, path joining and searches that widen."""
