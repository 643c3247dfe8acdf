"""The authors' files of CycleGAN's generators, ``latest_net_G_A.pth``, beside their network as they wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from profond import models
from profond.core.errors import ConfigError
from profond.serve.predictor import Predictor
from profond.weights.torchvision import load_torch


class Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        part = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels)]
        again = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels)]
        self.conv_block = nn.Sequential(*part, nn.ReLU(True), *again)

    def forward(self, maps: Tensor) -> Tensor:
        return maps + self.conv_block(maps)


class Reference(nn.Module):
    """``ResnetGenerator`` of github.com/junyanz/pytorch-CycleGAN-and-pix2pix, models/networks.py, with its names."""

    def __init__(self, width: int, blocks: int, tracked: bool) -> None:
        super().__init__()

        def norm(channels: int) -> nn.Module:
            return nn.InstanceNorm2d(channels, affine=False, track_running_stats=False)

        rows: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, width, 7), norm(width), nn.ReLU(True)]
        for wide in (width, 2 * width):
            rows += [nn.Conv2d(wide, 2 * wide, 3, stride=2, padding=1), norm(2 * wide), nn.ReLU(True)]
        rows += [Block(4 * width) for _ in range(blocks)]
        for wide in (4 * width, 2 * width):
            up = nn.ConvTranspose2d(wide, wide // 2, 3, stride=2, padding=1, output_padding=1)
            rows += [up, norm(wide // 2), nn.ReLU(True)]
        rows += [nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh()]
        self.model = nn.Sequential(*rows)
        if tracked:  # as files of before PyTorch 0.4 have it
            for part in self.modules():
                if isinstance(part, nn.InstanceNorm2d):
                    part.register_buffer("running_mean", torch.randn(part.num_features))
                    part.register_buffer("running_var", torch.rand(part.num_features))

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images)


def written(path: Path, width: int = 8, blocks: int = 6, tracked: bool = False) -> Reference:
    torch.manual_seed(0)
    reference = Reference(width, blocks, tracked).eval()
    with torch.no_grad():
        for parameter in reference.parameters():  # biases that matter, if any of them did
            parameter.normal_(0, 0.2)
    torch.save(reference.state_dict(), path)
    return reference


@pytest.mark.parametrize("tracked", [False, True])
@pytest.mark.parametrize("blocks", [6, 9])
def test_a_file_of_the_authors_gives_their_pictures(blocks: int, tracked: bool, tmp_path: Path) -> None:
    path = tmp_path / "latest_net_G_A.pth"
    reference = written(path, blocks=blocks, tracked=tracked)
    if tracked:
        assert "model.2.running_mean" in torch.load(path, weights_only=True)
    model = models.create("cyclegan_256", width=8, blocks=blocks, one_way=True).eval()
    assigned = load_torch(model, path)
    assert all(name.endswith(("bias", "running_mean", "running_var")) for name in assigned.unused)
    given = torch.rand(2, 3, 36, 28) * 2 - 1
    images = reference.model
    with torch.no_grad():
        for part in images.modules():
            if isinstance(part, nn.InstanceNorm2d):
                part.running_mean = part.running_var = None  # nobody reads them
        torch.testing.assert_close(model(given), reference(given), rtol=1e-4, atol=1e-4)


def test_a_person_uses_such_a_file_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "latest_net_G_A.pth"
    reference = written(path)
    predictor = Predictor.pretrained("cyclegan_256", path, width=8, blocks=6, input_shape=(3, 32, 32))
    picture = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8)
    from PIL import Image

    (said,) = predictor.predict(Image.fromarray(picture.permute(1, 2, 0).numpy()))
    (file,) = said.answer.write(tmp_path, "translated")
    with torch.no_grad():
        wanted = ((reference(picture[None].float() / 127.5 - 1) + 1) * 127.5).round()[0]
    with Image.open(file) as opened:
        found = torch.tensor(list(opened.tobytes())).view(32, 32, 3).permute(2, 0, 1)
    assert (found - wanted).abs().max() <= 1


def test_a_file_of_another_network_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "latest_net_G_A.pth"
    written(path, blocks=9)
    with pytest.raises(ConfigError, match="no place in the model"):
        load_torch(models.create("cyclegan_256", width=8, blocks=6, one_way=True), path)
    written(path, width=4)
    with pytest.raises(ConfigError, match="in the file"):
        load_torch(models.create("cyclegan_256", width=8, blocks=6, one_way=True), path)
    state = written(path).state_dict()
    torch.save({**state, "model.2.weight": torch.ones(8)}, path)  # a norm with a scale, whose bias then counts
    with pytest.raises(ConfigError, match=r"model\.2\.weight has no place"):
        load_torch(models.create("cyclegan_256", width=8, blocks=6, one_way=True), path)
