"""Unpaired translation of images: CycleGAN's losses, and CUT's and FastCUT's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from profond.core.config import Count, Natural, NotNegative, Number, Positive, checked
from profond.core.errors import ConfigError, DataError
from profond.core.lettering import markdown
from profond.core.spec import Spec
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import Split, TensorSplit
from profond.measures.compared import HEADLINE, LEAST
from profond.measures.translated import TranslationMeter
from profond.nn.looped import looped
from profond.tasks import register_task
from profond.tasks.batch import called, check_finite, pair
from profond.tasks.patch_contrast import patch_contrast, some_places
from profond.tasks.picture_features import usual_features
from profond.tasks.picture_parts import translating_part
from profond.tasks.picture_pool import PicturePool
from profond.tasks.task import Example, Explained, Loss, Part, Phase
from profond.tasks.translation import Translation, TranslationShow

A, B = 0, 1
GENERATOR, CRITIC = Phase("generator", "generators"), Phase("critic", "critics")


@register_task("translate_images")
class TranslateImages:
    """Pictures of one kind become pictures of another; a batch is (pictures, 0 for A or 1 for B).

    A model with a way back (``generators.to_a``) learns with CycleGAN's losses, one without with CUT's. The critics
    score patches, and their loss is least squares: 1 for real ones, 0 for made ones.

    Args:
        cycle: CycleGAN: weight of how far a picture that goes there and back is from itself, in L1.
        identity: CycleGAN: weight, as a share of ``cycle``, of how far a picture of B that is translated to B is from
            itself; 0 leaves it out.
        kept: CycleGAN: how many pictures made before are kept to be shown to the critics again.
        contrast: CUT: weight of the patches' contrast (PatchNCE); the authors have 1 for CUT and 10 for FastCUT.
        places: CUT: patches of each layer that are told apart; the authors have 256.
        temperature: CUT: of the contrast.
        translate_b: CUT: pictures of B are translated too, and their patches are to stay what they are; None is as the
            model has it: CUT does, FastCUT does not.
        mirror: CUT: half of the steps translate mirror images, whose patches must be those of the originals; None is
            as the model has it: FastCUT does.
        recolour: share of the pictures of A that are learned from in other colours, black and white staying what they
            are: for colours that say nothing of what a picture becomes, such as those that a drawing is filled with.

    Source: J.-Y. Zhu et al., ICCV 2017, arXiv:1703.10593, sections 3 and 4; T. Park et al., ECCV 2020,
        arXiv:2007.15651, sections 3 and 4. Deviation: the critics learn after the generators in each step, from the
        pictures that these made before they learned, in both.
    """

    headline = HEADLINE
    families: tuple[str, ...] = ("translator",)
    usual: Mapping[str, Any] = {
        "loader.batch_size": 8,
        "loader.balanced": True,
        "loader.drop_last": True,
        "loader.valid_fraction": 0.0,
        "augment.flip": True,
        "training.steps": 6000,
        "training.optimizer": "adam",
        "training.learning_rate": 5e-4,
        "training.weight_decay": 0.0,
        "training.betas": (0.5, 0.999),
        "training.schedule": "late_linear",
        "training.ema": 0.999,
        "training.validate_every_steps": 1000,
    }
    transfer_settings: Mapping[str, Any] = {}
    phases: Sequence[Phase] = (GENERATOR, CRITIC)

    @checked("task 'translate_images'")
    def __init__(
        self,
        cycle: Positive = 10.0,
        identity: NotNegative = 0.5,
        kept: Natural = 50,
        contrast: Positive = 1.0,
        places: Count = 128,
        temperature: Positive = 0.07,
        translate_b: bool | None = None,
        mirror: bool | None = None,
        recolour: Annotated[Number, Field(ge=0, le=1)] = 0.0,
    ) -> None:
        self.cycle, self.identity = cycle, identity
        self.contrast, self.places, self.temperature = contrast, places, temperature
        self.translate_b, self.mirror, self.recolour = translate_b, mirror, recolour
        self.pools = {"a": PicturePool(kept), "b": PicturePool(kept)}
        self._made: dict[int, tuple[Tensor, dict[str, Tensor]]] = {}
        self._made_at = -1

    # -- what the data decides ---------------------------------------------------------------------------------

    @staticmethod
    def learns(spec: Spec) -> bool:
        return False  # a folder of two classes is classified, unless the model is one that translates

    @staticmethod
    def unsettled(settings: Mapping[str, Any]) -> dict[str, Any]:
        return dict(settings)

    def settle(self, dataset: Dataset) -> tuple[dict[str, Any], list[str]]:
        """Raises: DataError for data that are not two kinds of pictures."""
        spec = dataset.spec
        if spec.axes != "chw" or len(spec.classes) != 2:
            what = f"{len(spec.classes)} classes" if spec.axes == "chw" else "no pictures"
            raise DataError(
                f"translation learns from two kinds of pictures, and {dataset.name} has {what}",
                "give a folder with trainA and trainB, or two folders: --from A/ --to B/",
            )
        for name, split in dataset.splits.items():
            counts = torch.bincount(split.targets, minlength=2).tolist()
            found = f"{name} has {counts[A]} pictures of {spec.classes[A]} and {counts[B]} of {spec.classes[B]}"
            if name == "train" and not all(counts):
                raise DataError(found, "both kinds need some: some hundred of each are usual")
            if name != "train" and min(counts) < LEAST:
                raise DataError(
                    f"{found}, and less than {LEAST} of each cannot be measured",
                    f"give more pictures, hold out a larger part (--set data.{name}_fraction=0.3), or none (=0)",
                )
        counts = torch.bincount(dataset.split("train").targets, minlength=2).tolist()
        return {}, [f"{counts[A]} of {spec.classes[A]} become like {counts[B]} of {spec.classes[B]}"]

    # -- learning ----------------------------------------------------------------------------------------------

    def loss(self, model: nn.Module, batch: Any, phase: Phase) -> Loss:
        inputs, targets = pair(batch)
        a, b = domains(inputs, targets)
        if phase.name == CRITIC.name:
            return self._critics(model, a, b, self._made_before(model, inputs, a, b))
        if self.recolour:
            chosen = torch.rand(len(a), 1, 1, 1).to(a.device) < self.recolour
            a = torch.where(chosen, recoloured(a), a)
        if phase.step == 0:  # another training, which begins with empty pools
            self.remember({})
        if phase.step != self._made_at:
            self._made, self._made_at = {}, phase.step
        loss, made = self._cycle(model, a, b) if goes_back(model) else self._contrast(model, a, b)
        self._made[id(inputs)] = inputs, {name: one.detach() for name, one in made.items()}
        return loss

    def _cycle(self, model: Any, a: Tensor, b: Tensor) -> tuple[Loss, dict[str, Tensor]]:
        to_b, to_a, critics = model.generators["to_b"], model.generators["to_a"], model.critics
        both = self.identity > 0
        made_b, same_b = _parted(to_b(torch.cat([a, b]) if both else a), len(a))
        made_a, same_a = _parted(to_a(torch.cat([b, a]) if both else b), len(b))
        fooled = _real(critics["b"](made_b)) + _real(critics["a"](made_a))
        cycle = F.l1_loss(to_a(made_b).float(), a) + F.l1_loss(to_b(made_a).float(), b)
        report = {"adversarial": fooled.detach(), "cycle": cycle.detach()}
        value = fooled + self.cycle * cycle
        if both:
            identity = F.l1_loss(same_b.float(), b) + F.l1_loss(same_a.float(), a)
            report["identity"] = identity.detach()
            value = value + self.cycle * self.identity * identity
        return Loss(value, report), {"b": made_b, "a": made_a}

    def _contrast(self, model: Any, a: Tensor, b: Tensor) -> tuple[Loss, dict[str, Tensor]]:
        to_b, heads, looked_at = model.generators["to_b"], model.generators["heads"], model.looked_at
        also_b = not model.fast if self.translate_b is None else self.translate_b
        mirrored = (model.fast if self.mirror is None else self.mirror) and float(torch.rand(())) < 0.5
        given = torch.cat([a, b]) if also_b else a
        made, keys = to_b.with_features(given.flip(-1) if mirrored else given, looked_at)
        queries = to_b.features(made, looked_at)
        if mirrored:
            queries = [one.flip(-1) for one in queries]
            with torch.no_grad():
                keys = to_b.features(given, looked_at)
        made_b, _ = _parted(made, len(a))
        fooled = torch.stack([_real(critic(made_b)) for critic in critics_of(model, "b")]).sum()
        places = some_places(keys, self.places)
        with torch.no_grad():
            known = heads([one.detach() for one in keys], places)
        each = [
            patch_contrast(query, key, self.temperature)
            for query, key in zip(heads(queries, places), known, strict=True)
        ]
        of_a, of_b = _parted(torch.stack(each).mean(0), len(a))
        contrast = (of_a.mean() + of_b.mean()) / 2 if also_b else of_a.mean()
        report = {"adversarial": fooled.detach(), "contrast": contrast.detach()}
        return Loss(fooled + self.contrast * contrast, report), {"b": made_b}

    def _critics(self, model: Any, a: Tensor, b: Tensor, made: Mapping[str, Tensor]) -> Loss:
        value, report = torch.zeros((), device=a.device), dict[str, Tensor]()
        for name, real in (("b", b), ("a", a)):
            if name in made:
                shown = self.pools[name].exchange(made[name]) if "a" in made else made[name]
                for critic in critics_of(model, name):
                    scores = critic(torch.cat([real, shown.to(real.dtype)])).float()
                    of_real, of_made = _parted(scores, len(real))
                    value = value + ((of_real - 1).square().mean() + of_made.square().mean()) / 2
                    told = {f"real_{name}": of_real.detach().mean(), f"made_{name}": of_made.detach().mean()}
                    report = told | report  # of the critic of patches, which comes first
        return Loss(value, report)

    def _made_before(self, model: Any, inputs: Tensor, a: Tensor, b: Tensor) -> Mapping[str, Tensor]:
        """What the generators made of this batch in their own phase of this step, or make of it now."""
        known, made = self._made.pop(id(inputs), (None, {}))
        if known is inputs:
            return made
        with torch.no_grad():
            made = {"b": model.generators["to_b"](a)}
            return made | ({"a": model.generators["to_a"](b)} if goes_back(model) else {})

    def memory(self) -> Mapping[str, Tensor]:
        """The pictures in the pools."""
        states = {name: pool.state() for name, pool in self.pools.items()}
        return {f"pool_{name}": state for name, state in states.items() if state is not None}

    def remember(self, memory: Mapping[str, Tensor]) -> None:
        for name, pool in self.pools.items():
            pool.restore(memory.get(f"pool_{name}"))

    # -- judging and answering ---------------------------------------------------------------------------------

    def meter(self, spec: Spec | None = None) -> TranslationMeter:
        return TranslationMeter(spec, usual_features, self.translators)

    def answer(self, model: nn.Module, inputs: Tensor, spec: Spec | None = None) -> Sequence[Translation]:
        """Each picture as one of B. Raises: ConfigError where the model gives numbers that are not finite."""
        made = called(model, inputs).float()
        check_finite(made)
        return [Translation.of(picture) for picture in made.cpu()]

    def translators(self, model: Any) -> dict[str, nn.Module]:
        """The parts of a model that translate pictures, by direction; a model without parts goes from A to B."""
        back = {"b-to-a": model.generators["to_a"]} if goes_back(model) else {}
        return {"a-to-b": model.generators["to_b"] if hasattr(model, "generators") else model, **back}

    def show(self, dataset: Dataset, seed: int) -> TranslationShow:
        """Some pictures of A, and what becomes of them; beside them the known answers, where there are such."""
        return TranslationShow(dataset, seed)

    def exported(self, model: nn.Module, spec: Spec) -> Sequence[Part]:
        """Each direction, for pictures of any size."""
        found = self.translators(model)
        names = spec.classes if len(spec.classes) == 2 else ("A", "B")
        says = {"a-to-b": {"from": names[A], "to": names[B]}, "b-to-a": {"from": names[B], "to": names[A]}}
        return [
            translating_part(
                looped(network), spec.shape[0], {"kind": "pictures", **says[way]}, way if len(found) > 1 else ""
            )
            for way, network in found.items()
        ]

    def explained(self, outputs: Tensor, spec: Spec | None = None, wanted: str | None = None) -> Explained:
        raise ConfigError(
            "a translation has as many numbers as pixels: no one of them stands for it",
            "`profond translate RUN PICTURE` shows before and after",
        )

    def card(self, spec: Spec) -> list[str]:
        names = tuple(map(markdown, spec.classes)) if len(spec.classes) == 2 else ("A", "B")
        return [f"- Translates pictures: {names[A]} → {names[B]}; it never saw which picture belongs to which"]

    @staticmethod
    def example(seed: int = 0) -> Example:
        """Two-coloured stripes: light grey on dark grey in A, and yellow on blue in B."""
        random = torch.Generator().manual_seed(seed)
        splits: dict[str, Split] = {}
        for name, count in (("train", 96), ("valid", 24), ("test", 32)):
            shapes = _stripes(count, random)
            kinds = torch.arange(count) % 2
            marks = {}
            if name == "test":
                shapes = shapes[::2].repeat_interleave(2, 0)
                marks["pair"] = torch.arange(count) // 2
            pictures = torch.where(kinds[:, None, None, None] == B, _coloured(shapes, B), _coloured(shapes, A))
            splits[name] = TensorSplit(pictures, kinds, name, marks=marks)
        preprocessing = Preprocessing(size=(8, 8), mode="RGB", mean=(0.5,), std=(0.5,), fixed_size=True)
        spec = Spec((3, 8, 8), "chw", classes=("grey", "coloured"))
        dataset = Dataset("stripes", spec, preprocessing, splits, "made here")
        small = {"width": 4, "blocks": 1, "critic_width": 4, "critic_layers": 1}
        return Example(dataset, {"name": "cyclegan", **small})


def goes_back(model: Any) -> bool:
    """Whether a model also translates B to A."""
    return "to_a" in getattr(model, "generators", ())


def critics_of(model: Any, name: str) -> list[nn.Module]:
    """The critics of A or of B: the one of patches, and what stands beside it."""
    return [critic for key, critic in model.critics.items() if key == name or key.startswith(f"{name}_")]


def domains(inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The pictures of A and of B in a batch. Raises: DataError where it has not both."""
    if inputs.ndim != 4:
        raise DataError(f"a batch has {inputs.ndim} axes, and pictures have four", "(samples, channels, height, width)")
    a, b = inputs[targets == A], inputs[targets == B]
    if not len(a) or not len(b):
        raise DataError(
            f"a batch of {len(inputs)} has {len(a)} pictures of A and {len(b)} of B, and it needs both",
            "use an even batch size of 2 or more, and as many of each: --set loader.balanced=true",
        )
    return a, b


def recoloured(pictures: Tensor) -> Tensor:
    """Pictures (n, c, h, w) between -1 and 1 with their channels exchanged, and each bent up or down, at random.

    Black and white, and with them lines on paper, stay; what is grey gets a colour.
    """
    count, channels = pictures.shape[:2]
    order = torch.rand(count, channels).argsort(1).to(pictures.device)
    bend = (2 * torch.rand(count, channels, 1, 1) - 1).exp().to(pictures.device)
    exchanged = pictures.gather(1, order[:, :, None, None].expand_as(pictures))
    return ((exchanged.clamp(-1, 1) + 1) / 2).pow(bend) * 2 - 1


def _real(scores: Tensor) -> Tensor:
    """What a generator wants of the critic's scores: 1."""
    return (scores.float() - 1).square().mean()


def _parted(both: Tensor, first: int) -> tuple[Tensor, Tensor]:
    return both[:first], both[first:]


def _stripes(count: int, random: torch.Generator) -> Tensor:
    """Bool (n, 1, 8, 8): one stripe down and one across, anywhere."""
    places = torch.randint(0, 7, (count, 2), generator=random)
    line = torch.arange(8)
    down, across = ((line >= place[:, None]) & (line < place[:, None] + 2) for place in places.unbind(1))
    return (down[:, None, :] | across[:, :, None])[:, None]


def _coloured(shapes: Tensor, kind: int) -> Tensor:
    ink, paper = (torch.tensor(colour).view(3, 1, 1) for colour in _COLOURS[kind])
    return torch.where(shapes, ink, paper).to(torch.uint8)


_COLOURS = (((200, 200, 200), (40, 40, 40)), ((250, 200, 60), (20, 20, 120)))
