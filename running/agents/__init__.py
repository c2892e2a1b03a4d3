"""Execution of pieces: messages, agents, the coordinator at the source, emulated links."""
