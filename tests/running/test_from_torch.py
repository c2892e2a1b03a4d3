"""Modules of PyTorch become bundles through its exporter, where it is installed; otherwise one message says so."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx_builder import save
from onnx_networks import early_exits
from torch_modules import EXAMPLES

from planner import InputError, from_torch, load_model
from planner.running.network.sessions import session
from planner.running.pieces.checking import check_parts
from planner.running.pieces.parts import part_of


@dataclass
class _Tensor:
    """Stands for a tensor of PyTorch."""

    values: NDArray[Any]

    def detach(self) -> _Tensor:
        return self

    def cpu(self) -> _Tensor:
        return self

    def numpy(self) -> NDArray[Any]:
        return self.values


class _Module:
    """Stands for a `torch.nn.Module` that computes what the network with early exits does, times a factor."""

    def __init__(self, factor: float = 1.0) -> None:
        self.training = True
        self.modes: list[bool] = []
        self._factor = factor
        self._runtime = session(early_exits().SerializeToString(), "exits", "off")

    def modules(self) -> list[_Module]:
        return [self]

    def eval(self) -> None:
        self.training = False

    def forward(self, x: _Tensor) -> tuple[_Tensor, ...]:
        self.modes.append(self.training)
        found = self._runtime.run(None, {"x": x.values})
        return tuple(_Tensor(each * np.float32(self._factor)) for each in found)

    __call__ = forward


class TracerWarning(Warning):
    """Stands for PyTorch's own, by its name."""


class _Exporter:
    """Writes a network in place of PyTorch, and keeps what it was asked for."""

    def __init__(self, *reasons: str, branches: bool = False) -> None:
        self.reasons, self.branches = list(reasons), branches
        self.asked: list[dict[str, Any]] = []

    def export(
        self,
        module: object,
        arguments: tuple[object, ...],
        path: str,
        *,
        dynamo: bool = True,
        external_data: bool = True,
        output_names: list[str] | None = None,
        kwargs: Mapping[str, object] | None = None,
    ) -> None:
        asked = {"dynamo": dynamo, "external_data": external_data, "output_names": output_names, "kwargs": kwargs}
        self.asked.append({**asked, "arguments": arguments})
        if not dynamo and self.branches:
            warnings.warn("Converting a tensor to a Python boolean", TracerWarning, stacklevel=2)
        if self.reasons:
            raise RuntimeError(self.reasons.pop(0))
        save(early_exits(), Path(path))


def installed(monkeypatch: pytest.MonkeyPatch, exporter: _Exporter) -> _Tensor:
    torch = ModuleType("torch")
    torch.__spec__ = ModuleSpec("torch", None)
    torch.onnx = exporter  # type: ignore[attr-defined] # stands for PyTorch
    torch.no_grad = nullcontext  # type: ignore[attr-defined] # stands for PyTorch
    monkeypatch.setitem(sys.modules, "torch", torch)
    shape = [dim.dim_value for dim in early_exits().graph.input[0].type.tensor_type.shape.dim]
    return _Tensor(np.random.default_rng(0).standard_normal(shape).astype(np.float32))


def test_the_exporter_is_asked_for_one_file_and_the_bundle_is_that_of_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    exporter, module = _Exporter(), _Module()
    example = installed(monkeypatch, exporter)
    bundle = from_torch(module, example, output_names=["e1", "e2", "y"], exits=["e1", "e2"], accuracy=0.9)
    (asked,) = exporter.asked
    assert asked == {
        "arguments": (example,),
        "dynamo": True,
        "external_data": False,
        "output_names": ["e1", "e2", "y"],
        "kwargs": None,
    }
    assert [head.name for head in bundle.model.exits] == ["e1", "e2", "y"]
    assert bundle.model.name == "_module"
    bundle.write(tmp_path / "net")
    assert load_model(tmp_path / "net") == bundle.model
    assert module.modes == [False], "compared in evaluation mode"
    assert module.training, "and left as it was"


def test_a_module_that_only_tracing_takes_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = _Exporter("no graph")
    example = installed(monkeypatch, exporter)
    from_torch(_Module(), {"x": example}, accuracy=0.9)
    assert [each["dynamo"] for each in exporter.asked] == [True, False]
    assert exporter.asked[1]["kwargs"] == {"x": example}


def test_a_network_that_computes_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    example = installed(monkeypatch, _Exporter())
    with pytest.raises(InputError, match=r"computes something else than the module \(e1\)"):
        from_torch(_Module(factor=1.01), example, accuracy=0.9)


def test_what_the_exporter_refuses_is_told_and_the_mode_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    example, module = installed(monkeypatch, _Exporter("unsupported operator", "unsupported too")), _Module()
    monkeypatch.setitem(sys.modules, "onnxscript", module_of("onnxscript"))
    with pytest.raises(InputError, match=r"cannot export the module \(unsupported operator; by tracing: unsupported"):
        from_torch(module, example)
    assert module.training


def test_a_trace_that_holds_one_branch_alone_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    example = installed(monkeypatch, _Exporter("branches", branches=True))
    monkeypatch.setitem(sys.modules, "onnxscript", module_of("onnxscript"))
    with pytest.raises(InputError, match="by tracing: it branches on values"):
        from_torch(_Module(), example)


def module_of(name: str) -> ModuleType:
    found = ModuleType(name)
    found.__spec__ = ModuleSpec(name, None)
    return found


def test_what_is_no_module_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, _Exporter())
    with pytest.raises(InputError, match="not a module of PyTorch"):
        from_torch(object(), (1, 2))


def test_without_torch_one_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planner.running.exporting.find_spec", lambda name: None)
    with pytest.raises(InputError, match="from_torch needs torch"):
        from_torch(object(), ())


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_module_of_pytorch_computes_the_same_as_its_bundle_and_its_pieces(name: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: it is no dependency")
    torch.manual_seed(0)
    module, example, options = EXAMPLES[name](torch)
    bundle = from_torch(module, example, accuracy=0.5, chain=True, **options)
    assert module.training, "modules are left in the mode that they had"
    given = list(example.values()) if isinstance(example, dict) else [example]
    feeds = {tensor.name: each.numpy() for tensor, each in zip(bundle.cuts.inputs, given, strict=True)}
    module.eval()
    with torch.no_grad():
        expected = module(**example) if isinstance(example, dict) else module(example)
    names = options.get("output_names") or [each.name for each in bundle.cuts.exits[-1].outputs]
    found = session(bundle.graph, name).run(names, feeds)
    rights = expected if isinstance(expected, tuple) else [expected]
    for result, right in zip(found, rights, strict=True):
        assert np.allclose(result, right.numpy(), rtol=1e-4, atol=1e-5)
    cuts, graph, last = bundle.cuts, onnx.load_model_from_string(bundle.graph), len(bundle.cuts.blocks) - 1
    heads = {head.after: head for head in cuts.exits}
    parts = [part_of(cuts, graph, i, i, heads.get(block.name), i == last) for i, block in enumerate(cuts.blocks)]
    assert last > 0
    assert check_parts(cuts, graph, bundle.graph, parts).bit_equal
