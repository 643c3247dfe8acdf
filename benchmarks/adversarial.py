"""Both steps of a DCGAN and of a CycleGAN through our loop, beside plain PyTorch as in their authors' code.

DCGAN: 32×32 pixels, 64 to 256 channels, batch 128, no classes. CycleGAN: generators of six residual blocks and 64
channels, critics of 70×70 pixels, a pair of pictures at a time, identity loss, pool. Theirs is float32, layer by layer,
with plain Adam; ours what `fit` chooses. Both begin with the same weights and learn from the same pictures. Each runs
in an interpreter of its own, whose greatest memory is noted; they take turns, a few steps each. The losses are those
of the first step at equal weights. Of our step's multiplications and additions, counted by PyTorch, the share of what
one large matrix product reaches here is given.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.child import environment, measure
from benchmarks.machine import ROOT, has_bf16
from benchmarks.report import spread, table

BF16 = has_bf16()
SECTION = "adversarial" if BF16 else "adversarial_float32"
TITLE = "Adversarial networks, both steps" + ("" if BF16 else ", on a processor without bf16")
# what is measured: side, pictures in a batch
CASES = {"dcgan": (32, 128), "cyclegan 64": (64, 2), "cyclegan 128": (128, 2)}
ON_GPU = {"dcgan": (32, 128), "r3gan": (32, 64)}
R3GAN: dict[str, Any] = {"body": "residual", "width": 384, "widest": 384, "smallest": 4, "blocks": 2, "groups": 16}
WARM = 2
SAME_WEIGHTS = 1e-12
"""A learning rate with which a step moves nothing."""


def ours(case: str, punished: bool = True) -> tuple[Any, Any, dict[str, Any]]:
    """Network, task and settings of the training; R3GAN's with its penalties or without."""
    import torch

    from profond.models import create
    from profond.tasks.generate import Generate
    from profond.tasks.translate_images import TranslateImages

    torch.manual_seed(0)
    side, _ = CASES.get(case) or ON_GPU[case]
    model: Any
    settings: dict[str, Any] = {"optimizer": "adam", "learning_rate": 2e-4, "betas": (0.5, 0.999)}
    if case == "dcgan":
        model = create("dcgan", input_shape=(3, side, side))
        torch.nn.init.zeros_(model.generator.body[-1].convolution.bias)  # their layers at the pictures have none
        torch.nn.init.zeros_(model.critic.body[0].convolution.bias)
        return model, Generate(loss="non_saturating"), settings
    if case == "r3gan":
        model = create("r3gan", input_shape=(3, side, side), **R3GAN)
        settings |= {"betas": (0.0, 0.99), "ema": 0.999}
        return model, Generate(loss="relativistic", penalty_weight=0.2 if punished else 0.0, penalty_every=1), settings
    model = create("cyclegan", input_shape=(3, side, side), width=64, critic_width=64, blocks=6, upsample="transposed")
    return model, TranslateImages(), settings


def theirs(case: str, device: str) -> Any:
    from benchmarks import adversarial_peers as peers

    kind = {"dcgan": peers.PlainDCGAN, "r3gan": peers.PlainR3GAN}.get(case, peers.PlainCycleGAN)
    return kind(ours(case)[0], device)


def pictures(case: str) -> Any:
    """Noise between -1 and 1; of a pair the first is A and the second B."""
    import torch

    side, count = CASES.get(case) or ON_GPU[case]
    random = torch.Generator().manual_seed(0)
    return torch.rand(count, 3, side, side, generator=random) * 2 - 1, torch.arange(count) % 2


class Turns:
    """Waits after every few steps until it is its turn, and keeps the milliseconds of a step of each turn."""

    def __init__(self, each: int, device: str) -> None:
        self.each, self.device, self.steps, self.found = each, device, 0, list[float]()
        self.began: float | None = None

    def stepped(self, progress: Any = None) -> None:
        self.steps += 1
        if self.steps < WARM or (self.steps - WARM) % self.each:
            return
        if self.device == "cuda":
            import torch

            torch.cuda.synchronize()
        if self.began is not None:
            self.found.append(1000 * (time.perf_counter() - self.began) / self.each)
        print("waiting", flush=True)
        sys.stdin.readline()
        self.began = time.perf_counter()

    started = finished = lambda self, progress: None

    def logged(self, progress: Any, record: Mapping[str, Any]) -> None:
        pass


def learn(case: str, plain: bool, turns: int, each: int, device: str = "cpu") -> dict[str, Any]:
    """In an interpreter of its own: milliseconds of a step of each turn, and the greatest memory in MiB."""
    import torch

    from profond.training import Training, fit

    watch, batch, steps = Turns(each, device), pictures(case), WARM + turns * each
    if plain:
        step, given = theirs(case, device).step, parts(case, batch[0].to(device))
        for _ in range(steps):
            step(*given)
            watch.stepped()
    else:
        model, task, settings = ours(case)
        batch = tuple(part.to(device) for part in batch)
        fit(model, task, [batch] * steps, Training(steps=steps, device=device, **settings), observers=[watch])
    on_gpu = torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else None
    return {"ms": watch.found, "memory": on_gpu or greatest_memory()}


def parts(case: str, inputs: Any) -> list[Any]:
    """As the plain steps take them: real pictures, or those of A and those of B."""
    return [inputs[:1], inputs[1:]] if case.startswith("cyclegan") else [inputs]


def greatest_memory() -> float:
    """Of this process, MiB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def losses(case: str, device: str = "cpu") -> dict[str, Any]:
    """Of the first step at equal weights: plain, ours in float32, ours as `fit` chooses; and our step's operations."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from profond.core.randomness import seed_here
    from profond.training import Training, fit

    batch = pictures(case)
    model, task, settings = ours(case, punished=False)  # what counts cannot look at gradients of gradients
    with FlopCounterMode(display=False) as counter:
        fit(model, task, [batch], Training(steps=1, device=device, **settings))
    found: dict[str, Any] = {}
    for precision in ("fp32", "auto"):
        model, task, settings = ours(case)
        training = Training(
            steps=1,
            log_every_steps=1,
            precision=precision,
            device=device,
            **{**settings, "learning_rate": SAME_WEIGHTS},
        )
        watch = Logged()
        fit(model, task, [batch], training, observers=[watch])
        found[precision] = {name: watch.record[f"{name}/loss"] for name in ("critic", "generator")}
    plain, noises = theirs(case, device), []
    if not case.startswith("cyclegan"):
        for phase in ("critic", "generator"):  # as the loop draws them
            seed_here(0, "step", 0, phase, 0)
            noises.append(torch.randn(len(batch[0]), model.latent_size, device=device))
    for optimizer in (one for one in vars(plain).values() if isinstance(one, torch.optim.Optimizer)):
        optimizer.param_groups[0]["lr"] = SAME_WEIGHTS
    given = parts(case, batch[0].to(device))
    found["plain"] = {name: float(value) for name, value in plain.step(*given, *noises).items()}
    return {"losses": found, "operations": counter.get_total_flops()}


class Logged:
    """Keeps the last record."""

    started = stepped = finished = lambda self, progress: None

    def logged(self, progress: Any, record: Mapping[str, Any]) -> None:
        self.record = record


def beside(case: str, turns: int, each: int, device: str) -> dict[bool, dict[str, Any]]:
    """What `learn` gives of ours (False) and of the plain one (True), which take turns."""
    surroundings = dict(environment())
    if device == "cuda":
        surroundings.pop("CUDA_VISIBLE_DEVICES")
        if "CUDA_VISIBLE_DEVICES" in os.environ:
            surroundings["CUDA_VISIBLE_DEVICES"] = os.environ["CUDA_VISIBLE_DEVICES"]
    running: dict[bool, subprocess.Popen[str]] = {}
    for plain in (False, True):
        settings = json.dumps({"case": case, "plain": plain, "turns": turns, "each": each, "device": device})
        command = [sys.executable, "-m", "benchmarks.child", "adversarial", "learn", settings]
        running[plain] = subprocess.Popen(
            command, cwd=ROOT, env=surroundings, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    try:
        for one in running.values():
            _line(one)  # both are warm before the first turn
        for _ in range(turns):
            for one in running.values():
                _say(one)
                _line(one)
        found = {}
        for plain, one in running.items():
            _say(one)
            found[plain] = json.loads(_line(one))
        return found
    finally:
        for one in running.values():
            one.kill()
            one.communicate()


def _say(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    if not (line := process.stdout.readline()):
        raise RuntimeError("a measurement failed; what it said stands above")
    return line


def run(quick: bool, short: bool = False, device: str = "cpu") -> str:
    on_gpu = device == "cuda"
    cases = ON_GPU if on_gpu else {"dcgan": CASES["dcgan"]} if quick else CASES
    turns, seconds = (1, 0.0) if quick else (5, 2.0) if short or on_gpu else (9, 6.0)
    top = _best_product(device)
    rows, checks = [], []
    for case, (side, count) in cases.items():
        known = losses(case, device) if on_gpu else measure("adversarial", "losses", case=case)
        # A turn is as many steps as fit into its time, were the step as quick as half of what the product reaches.
        each = max(1, round(seconds * top / 2 / known["operations"]))
        found = beside(case, turns, min(each, 20) if on_gpu else each, device)
        own, plain = found[False], found[True]
        ratios = [theirs / mine for mine, theirs in zip(own["ms"], plain["ms"], strict=True)]
        share = known["operations"] / (statistics.median(own["ms"]) / 1000) / top
        rates = [[f"{count / statistics.median(one['ms']) * 1000:,.0f}"] if on_gpu else [] for one in (own, plain)]
        rows.append(
            [
                f"{case.split()[0]}, {side} px, batch {count if count > 2 else 1}",
                *(spread(own["ms"]), *rates[0], spread(plain["ms"]), *rates[1], f"{spread(ratios, 2)}×"),
                f"{share:.0%}",
                f"{own['memory']:,.0f}",
                f"{plain['memory']:,.0f}",
                f"{own['memory'] / plain['memory']:.2f}×",
            ]
        )
        checks.append([case, *_compared(known["losses"])])
    rate = ["images a second"] if on_gpu else []
    columns = ["ms a step", "Profond `fit`", *rate, "plain PyTorch", *rate, "plain ÷ ours", "of a large product"]
    columns += ["ours, MiB", "plain, MiB", "ours ÷ plain"]
    names = ["losses at equal weights", "critic: plain", "ours", "generator: plain", "ours"]
    names += ["apart in float32", "apart as chosen"]
    kind = "bf16" if on_gpu or BF16 else "float32"
    where = f" {_gpu_name()}." if on_gpu else ""
    return (
        f"{table(columns, rows)}\n\n{table(names, checks)}\n\n"
        f"A large matrix product reaches {top / 1e9:,.0f} GFLOP/s in {kind}.{where}"
    )


def _compared(found: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Both losses, and how far ours are from the plain ones as a share of them, at most."""
    plain = found["plain"]
    gap: Callable[[str], float] = lambda which: max(abs(found[which][name] / plain[name] - 1) for name in plain)  # noqa: E731
    values = [f"{found[which][name]:.5f}" for name in ("critic", "generator") for which in ("plain", "auto")]
    return [*values, f"{gap('fp32'):.0e}", f"{gap('auto'):.0e}"]


def _best_product(device: str) -> float:
    """FLOP a second of one large matrix product, in what `fit` computes with."""
    if device != "cuda":
        return max(float(measure("recurrent", "peak", bf16=BF16)) for _ in range(2))
    import torch

    side = 8192
    one = torch.randn(side, side, device=device, dtype=torch.bfloat16)
    best = 0.0
    for _ in range(6):
        torch.cuda.synchronize()
        began = time.perf_counter()
        one @ one
        torch.cuda.synchronize()
        best = max(best, 2 * side**3 / (time.perf_counter() - began))
    return best


def _gpu_name() -> str:
    import torch

    return torch.cuda.get_device_name()
