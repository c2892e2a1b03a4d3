"""A run that breaks off keeps the record of the samples that came back before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from agents import agents, bundle, pieces, placement
from command_line import run

from planner.running.agents.protocol import Message, MessageError
from planner.running.agents.work import Run as AgentRun
from planner.running.agents.work import Worker
from planner.running.pieces.splitting import PlanToSplit
from planner.schemas import read_document
from planner.schemas.bundles.run import Run

pytest.importorskip("zmq")


def test_what_came_back_before_an_agent_failed_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net, data = bundle(tmp_path, samples=20)
    pieces(tmp_path, [PlanToSplit("app", net, placement(net, ["phone", "edge"]))])
    take, seen = Worker.take, set[Any]()

    def breaks(self: Worker, on: AgentRun, message: Message, arrived: int) -> None:
        if on.node == "phone" and not message.fields.get("warm"):
            seen.add(message.fields["turn"])
            if len(seen) > 7:
                raise MessageError("out of order")
        take(self, on, message, arrived)

    monkeypatch.setattr(Worker, "take", breaks)
    with agents(("phone", "edge")) as addresses:
        (tmp_path / "nodes.json").write_text(json.dumps(addresses), encoding="utf-8")
        arguments = ("--nodes", tmp_path / "nodes.json", "--data", data, "-o", tmp_path / "run.json")
        done = run("run", tmp_path / "pieces", *arguments)
    assert done.code == 1
    assert "error: an agent failed: out of order" in done.err
    found, _ = read_document(tmp_path / "run.json", Run)
    assert found.plans[0].samples == 7
    assert "the run ended early, after 7 of 20 samples: an agent failed: out of order" in found.notes
