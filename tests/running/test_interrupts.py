"""Ctrl-C ends a run in order: exit code 130, no traceback, and the agents take the next run."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from agents import bundle, pieces, placement
from command_line import run

from planner.running.pieces.splitting import PlanToSplit


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "planner", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_an_interrupted_run_leaves_agents_that_take_the_next(tmp_path: Path) -> None:
    net, data = bundle(tmp_path)
    pieces(tmp_path, [PlanToSplit("app", net, placement(net, ["phone"]))])
    agent = start("agent", "--listen", "127.0.0.1:0")
    assert agent.stdout is not None
    address = agent.stdout.readline().split()[-1]
    (tmp_path / "nodes.json").write_text(json.dumps({"phone": address}), encoding="utf-8")
    common = ("run", tmp_path / "pieces", "--nodes", tmp_path / "nodes.json", "--data", data)
    try:
        long = start(*common, "--samples", "100000", "-o", tmp_path / "run.json")
        time.sleep(4)
        long.send_signal(signal.SIGINT)
        _, err = long.communicate(timeout=30)
        assert long.returncode == 130, err
        assert "Traceback" not in err
        assert not (tmp_path / "run.json").exists()
        assert run(*common).code == 0
    finally:
        agent.send_signal(signal.SIGINT)
        _, err = agent.communicate(timeout=30)
    assert "Traceback" not in err
