"""A trained model made ready to answer fast: laid out, folded and in the arithmetic that the device does well."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node, Tracer
from torch.fx.proxy import TraceError
from torch.nn.utils.fusion import fuse_conv_bn_eval

from profond.core.device import choose_precision
from profond.core.errors import ConfigError
from profond.runtime.engines.choice import PACKAGES, Name
from profond.serve.compiled import Compiled, SameAnswers, installed

Precision = Literal["fp32", "bf16", "int8", "auto"]
Engine = Literal["torch", "onnx", "openvino", "auto"]
Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
Norm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d


def prepared(
    model: nn.Module,
    device: torch.device,
    precision: Precision = "fp32",
    engine: Engine = "torch",
    same_answers: SameAnswers | None = None,
) -> nn.Module:
    """A model that gives the same answers as one in eval mode, sooner.

    Args:
        model: trained; left as it is, except that ``"fp32"`` moves it to the device and lays it out.
        precision: ``"fp32"`` answers as evaluation does, but that BatchNorm is folded into the convolutions before it:
            its outputs differ in the sixth digit. ``"bf16"`` holds all weights in bfloat16 too, and they differ in
            the third. ``"auto"`` takes bf16 where the device does it well. ``"int8"`` is OpenVINO's, and takes its
            ranges from the inputs that it is prepared with.
        engine: what computes: PyTorch; OpenVINO or ONNX Runtime, which have to be prepared before they answer (see
            `Compiled.prepare`). ``"auto"`` takes the fastest that is installed and gives the network's answers.
        same_answers: says for each sample whether two outputs are the same answer; ``"int8"`` needs it.

    Returns: takes float32 inputs and gives float32 outputs; a `Compiled` where an engine computes.

    Raises: MissingError when an engine is wanted and not installed; ConfigError when it is, on another device.
    """
    in_parts = callable(getattr(model, "step", None)) or callable(getattr(model, "critic", None))
    if in_parts:  # called step by step, or its critic alone, which nothing here can compile
        if precision in ("int8", "bf16") or engine in PACKAGES:
            raise ConfigError(
                "a network that is called part by part answers in fp32 here", "leave --precision and --engine out"
            )
        return model.to(device).eval()
    if getattr(model, "any_length", False):
        if engine in PACKAGES or precision == "int8":
            raise ConfigError(
                f"an engine compiles a network for one shape, and {type(model).__name__} takes any length",
                "leave --engine and --precision int8 out",
            )
        engine = "torch"
    wanted = choose_precision(device).precision if precision == "auto" else precision
    chosen = _engine(engine, precision, device)
    if chosen == "torch":
        return _with_torch(model, device, wanted)
    usual = None if engine != "auto" or precision == "int8" else _with_torch(model, device, wanted)
    arithmetic = "fp32" if wanted == "fp16" or (chosen == "onnx" and precision == "auto") else wanted
    return Compiled(model.to(device).eval(), chosen, arithmetic, usual, same_answers=same_answers)


def _engine(engine: Engine, precision: Precision, device: torch.device) -> Name | Literal["torch"]:
    """Which one computes. Raises: ConfigError for a wish that does not fit."""
    if precision == "int8" and engine not in ("auto", "openvino"):
        other = "PyTorch" if engine == "torch" else "ONNX Runtime"
        raise ConfigError(f"8-bit arithmetic is OpenVINO's here, not {other}'s", "leave --engine out, or use bf16")
    if precision == "bf16" and engine == "onnx":
        raise ConfigError("ONNX Runtime computes in fp32 here, not in bf16", "use --engine torch, or leave it out")
    if precision == "int8":
        engine = "openvino"
    if engine == "torch" or (engine == "auto" and device.type != "cpu"):
        return "torch"
    if device.type != "cpu":
        name = "OpenVINO" if engine == "openvino" else "ONNX Runtime"
        raise ConfigError(f"{name} works on the CPU here, not on {device}", "use --device cpu, or --engine torch")
    if engine != "auto":
        return engine
    low = precision == "bf16" or (precision == "auto" and choose_precision(device).precision == "bf16")
    for one, package in PACKAGES.items():
        if installed(package) and not (low and one == "onnx"):
            return one
    return "torch"


def _with_torch(model: nn.Module, device: torch.device, precision: str) -> nn.Module:
    model = model.to(device).eval()
    pictures = any(isinstance(part, nn.Conv2d) for part in model.modules())
    if precision == "bf16":
        return _Ready(folded(copy.deepcopy(model)).to(torch.bfloat16), pictures)
    if pictures:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return folded(model)


def folded(model: nn.Module) -> nn.Module:
    """A module in which BatchNorm is part of the convolutions; the model itself where there is nothing to fold.

    The model is left as it is; what is not folded belongs to both. A forward pass that cannot be traced is not folded.
    """
    try:
        graph = _Tracer().trace(model)
    except (TraceError, TypeError, ValueError, NotImplementedError):
        return model
    uses = Counter(node.target for node in graph.nodes)
    fused: dict[str, nn.Module] = {}
    for node in list(graph.nodes):
        if (pair := _foldable(model, node, uses)) is None:
            continue
        before = node.args[0]
        fused[before.target] = fuse_conv_bn_eval(*pair)
        node.replace_all_uses_with(before)
        graph.erase_node(node)
    if not fused:
        return model
    found = GraphModule(model, graph)
    for name, convolution in fused.items():
        found.set_submodule(name, convolution)
    return found.eval()


class _Tracer(Tracer):
    """Leaves a module without parts whole, whoever wrote it; what it does inside may not be traceable."""

    def is_leaf_module(self, module: nn.Module, path: str) -> bool:
        return next(module.children(), None) is None or super().is_leaf_module(module, path)


def _foldable(model: nn.Module, node: Node, uses: Mapping[object, int]) -> tuple[Convolution, Norm] | None:
    """The convolution and the BatchNorm that alone goes on with its outputs, where the node is one."""
    before = node.args[0] if node.args else None
    if node.op != "call_module" or not isinstance(before, Node) or before.op != "call_module" or len(before.users) > 1:
        return None
    if max(uses[before.target], uses[node.target]) > 1:
        return None  # one of them is used in other places too
    convolution, norm = model.get_submodule(str(before.target)), model.get_submodule(str(node.target))
    if not isinstance(convolution, Convolution) or not isinstance(norm, Norm) or norm.running_mean is None:
        return None
    return convolution, norm


class _Ready(nn.Module):
    def __init__(self, model: nn.Module, pictures: bool) -> None:
        super().__init__()
        self.layout = torch.channels_last if pictures else torch.contiguous_format
        self.model = model.to(memory_format=self.layout) if pictures else model  # type: ignore[call-overload]

    @torch.inference_mode()
    def forward(self, inputs: Tensor) -> Tensor:
        layout = self.layout if inputs.ndim == 4 else torch.contiguous_format
        if inputs.is_floating_point():  # tokens stay whole numbers
            inputs = inputs.to(torch.bfloat16, memory_format=layout)
        outputs: Tensor = self.model(inputs)
        return outputs.float()
