"""Modules of PyTorch become bundles through its exporter, where it is installed; otherwise one message says so."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from onnx_builder import save
from onnx_networks import early_exits

from planner import InputError, from_torch
from planner.running.graph.sessions import session


class _Exporter:
    """Writes a network in place of PyTorch, and keeps what it was asked for."""

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails
        self.asked: dict[str, Any] = {}

    def export(self, module: object, arguments: tuple[object, ...], path: str, **options: object) -> None:
        self.asked = {"module": module, "arguments": arguments, **options}
        if self.fails:
            raise RuntimeError("unsupported operator")
        save(early_exits(), Path(path))


def installed(monkeypatch: pytest.MonkeyPatch, exporter: _Exporter) -> None:
    torch = ModuleType("torch")
    torch.__spec__ = ModuleSpec("torch", None)
    torch.onnx = exporter  # type: ignore[attr-defined] # stands for PyTorch
    monkeypatch.setitem(sys.modules, "torch", torch)


def test_the_exporter_is_asked_for_one_file_and_the_bundle_is_that_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = _Exporter()
    installed(monkeypatch, exporter)
    module, example = object(), np.zeros((1, 3, 16, 16), np.float32)
    bundle = from_torch(module, example, output_names=["e1", "e2", "y"], exits=["e1", "e2"], accuracy=0.9)
    assert exporter.asked["module"] is module
    assert exporter.asked["arguments"] == (example,)
    assert exporter.asked["output_names"] == ["e1", "e2", "y"]
    assert exporter.asked["external_data"] is False
    assert [head.name for head in bundle.model.exits] == ["e1", "e2", "y"]
    assert bundle.model.name == "object"


def test_what_the_exporter_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, _Exporter(fails=True))
    with pytest.raises(InputError, match=r"cannot export the module \(unsupported operator\)"):
        from_torch(object(), (1, 2))


def test_without_torch_one_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match="from_torch needs torch"):
        from_torch(object(), ())


def test_a_module_of_pytorch_computes_the_same_as_its_bundle() -> None:
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(288, 4))
    net = net.eval()
    example = torch.randn(1, 3, 8, 8)
    bundle = from_torch(net, example, accuracy=0.5)
    runtime = session(bundle.graph, "net")
    (found,) = runtime.run(None, {bundle.cuts.inputs[0].name: example.numpy()})
    assert np.allclose(found, net(example).detach().numpy(), rtol=1e-4, atol=1e-5)
