"""L13: Keras Applications, every network that the slide lists, with Keras's counts and Keras's outputs."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from profond import models
from profond.core.lettering import FONT
from profond.explain.draw.drawing import COLOURS, DOTS, FAINT, INK, MUTED, PAPER
from profond.lecture import register_item
from profond.lecture.networks import (
    Counted,
    Network,
    counted,
    equality_claims,
    measured,
    networks_table,
    parameters_claim,
)
from profond.lecture.originals import beside_keras
from profond.lecture.outcome import Claim, Options, Outcome, Picture
from profond.lecture.values import count
from profond.lecture.words import Words

# Keras's name: ours with Keras's count, mean scale of the random BatchNorms, top-1 as Keras publishes it,
# and where the name stands beside its point.
NETWORKS: dict[str, tuple[Network, float, float, tuple[float, float]]] = {
    "Xception": (Network("xception", 22_910_480, None, 299, "KERAS"), 0.5, 79.0, (7, 5)),
    "VGG16": (Network("vgg16", 138_357_544, 16, 224, "KERAS"), 1.0, 71.3, (-7, 8)),
    "VGG19": (Network("vgg19", 143_667_240, 19, 224, "KERAS"), 1.0, 71.3, (7, -8)),
    "ResNet50": (Network("resnet50", 25_636_712, 50, 224, "KERAS"), 0.5, 74.9, (7, -5)),
    "ResNet101": (Network("resnet101", 44_707_176, 101, 224, "KERAS"), 0.5, 76.4, (3, -13)),
    "ResNet152": (Network("resnet152", 60_419_944, 152, 224, "KERAS"), 0.5, 76.6, (7, 0)),
    "ResNet50V2": (Network("resnet50v2", 25_613_800, 50, 224, "KERAS"), 0.5, 76.0, (7, -5)),
    "ResNet101V2": (Network("resnet101v2", 44_675_560, 101, 224, "KERAS"), 0.5, 77.2, (7, 1)),
    "ResNet152V2": (Network("resnet152v2", 60_380_648, 152, 224, "KERAS"), 0.5, 78.0, (7, 4)),
    "InceptionV3": (Network("inception_v3", 23_851_784, None, 299, "KERAS"), 1.0, 77.9, (7, 0)),
    "InceptionResNetV2": (Network("inception_resnet_v2", 55_873_736, None, 299, "KERAS"), 1.0, 80.3, (7, 3)),
    "MobileNet": (Network("mobilenet", 4_253_864, 28, 224, "KERAS"), 1.0, 70.4, (7, -6)),
    "MobileNetV2": (Network("mobilenet_v2", 3_538_984, None, 224, "KERAS"), 1.0, 71.3, (7, 5)),
    "DenseNet121": (Network("densenet121", 8_062_504, 121, 224, "KERAS"), 1.0, 75.0, (-7, 5)),
    "DenseNet169": (Network("densenet169", 14_307_880, 169, 224, "KERAS"), 1.0, 76.2, (-7, 5)),
    "DenseNet201": (Network("densenet201", 20_242_984, 201, 224, "KERAS"), 1.0, 77.3, (-7, 3)),
    "NASNetMobile": (Network("nasnet_mobile", 5_326_716, None, 224, "KERAS"), 1.0, 74.4, (-7, 6)),
    "NASNetLarge": (Network("nasnet_large", 88_949_818, None, 331, "KERAS"), 1.0, 82.5, (7, 0)),
}
# The slide's own list, and a network of ours for each name on it.
SLIDE = {
    "Xception": "xception",
    "VGG16": "vgg16",
    "VGG19": "vgg19",
    "ResNet": "resnet50",
    "ResNetV2": "resnet50v2",
    "InceptionV3": "inception_v3",
    "InceptionResNetV2": "inception_resnet_v2",
    "MobileNet": "mobilenet",
    "MobileNetV2": "mobilenet_v2",
    "DenseNet": "densenet121",
    "NASNet": "nasnet_mobile",
}
QUICK = ("ResNet50V2", "MobileNet", "MobileNetV2", "DenseNet121")


@register_item("L13", try_it="profond models list")
def applications(options: Options) -> Outcome:
    """Keras Applications: counts and outputs."""
    options.say(f"L13  counting {len(NETWORKS)} networks as Keras does")
    found = [counted(network) for network, _, _, _ in NETWORKS.values()]
    chosen = QUICK if options.quick else tuple(NETWORKS)
    compared = []
    for number, theirs in enumerate(chosen, 1):
        network, gain, _, _ = NETWORKS[theirs]
        compared.append(beside_keras(network.name, theirs, network.side, gain))
        last = compared[-1]
        options.say(f"L13  {number}/{len(chosen)}  {theirs}: {last.reason or f'relative difference {last.error:.1e}'}")
    ran = sum(one.error is not None for one in compared)
    offered = set(models.registry.names())
    missing = [theirs for theirs, ours in SLIDE.items() if ours not in offered]
    return Outcome(
        claims=[
            Claim(
                "all",
                not missing,
                {
                    "there": count(len(SLIDE) - len(missing)),
                    "slide": count(len(SLIDE)),
                    "networks": count(len(found)),
                    "compared": count(ran),
                },
            ),
            parameters_claim(found),
            *equality_claims([one for one in compared if one.error is not None] or compared),
        ],
        pictures=[Picture("sizes", lambda words: draw(found, words))],
        tables=[networks_table(found, compared)],
        measured=measured(found, compared),
        shortened=options.quick,
    )


def draw(found: list[Counted], words: Words) -> Figure:
    """Published accuracy over counted parameters, a point for each network."""
    figure = Figure(figsize=(8.6, 5.2), dpi=DOTS, facecolor=PAPER)
    axes = figure.add_axes((0.09, 0.12, 0.86, 0.72))
    for (theirs, (_, _, top1, (x, y))), one in zip(NETWORKS.items(), found, strict=True):
        axes.scatter([one.parameters], [top1], s=46, color=COLOURS[4], zorder=3)
        axes.annotate(
            theirs,
            (one.parameters, top1),
            (x, y),
            textcoords="offset points",
            ha="left" if x > 0 else "right",
            va="center",
            color=INK,
            family=FONT,
            fontsize=9,
        )
    axes.set_xscale("log")
    axes.set(xlim=(2e6, 3e8), ylim=(69, 84))
    axes.xaxis.set_major_locator(FixedLocator([3e6, 1e7, 3e7, 1e8]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: words.number(value, 0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: words.number(value, 0)))
    axes.grid(color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=9, labelcolor=MUTED, labelfontfamily=FONT)
    axes.set_xlabel(words("column.parameters"), color=MUTED, family=FONT, fontsize=9.5)
    for spine in axes.spines.values():
        spine.set_visible(False)
    figure.text(0.03, 0.96, words("L13.drawing"), va="top", color=INK, weight="bold", family=FONT, fontsize=13)
    figure.text(0.03, 0.9, words("L13.axis"), va="top", color=MUTED, family=FONT, fontsize=9.5)
    return figure
