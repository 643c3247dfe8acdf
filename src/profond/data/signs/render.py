"""One track of frames: a sign drawn as a camera in a car would see it, nearer from frame to frame. Synthetic.

The order of light is kept: the sign in its place in the scene, seen at an angle, dirty, shaded and partly hidden; then
the lens (defocus, motion), the sensor (exposure, colour of the light, noise), and last the JPEG that the camera writes.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter, zoom

from profond.data.images.decoding import opening
from profond.data.locations import FileInMemory
from profond.data.signs.names import FRAMES

Pixels = NDArray[np.floating[Any]]
SMALLEST, LARGEST = 15, 250
"""Width and height of a frame in pixels; the sign fills some four fifths of it."""
_TRACK = 0x5151
_MARGIN = 1.25
_GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True)
class Conditions:
    """How hard the frames are to read: widths of what is drawn at random for each track.

    Args:
        yaw: greatest turn of the sign to the side, in degrees.
        pitch: to the front.
        roll: in its plane.
        dark: how much light may be lost, as a power of 2.
        veil: greatest share of light that is scattered into the lens, which takes contrast.
        defocus: greatest blur in pixels of the frame.
        motion: greatest length of a movement, as a share of the frame.
        noise: greatest deviation of the sensor's noise, as a share of white.
        shaded: share of tracks with a shadow across the sign.
        hidden: share of tracks with something before the sign.
        off: how far the sign may stand from the middle, as a share of the frame.
        worst: lowest JPEG quality.
    """

    yaw: float = 12.0
    pitch: float = 5.0
    roll: float = 2.2
    dark: float = 3.0
    veil: float = 0.32
    defocus: float = 0.6
    motion: float = 0.028
    noise: float = 0.022
    shaded: float = 0.3
    hidden: float = 0.14
    off: float = 0.01
    worst: int = 22


TRAINED = Conditions()
TESTED = Conditions(yaw=13.0, roll=2.4, dark=3.2, veil=0.34, shaded=0.33, worst=20)
"""Train and test differ in what they are drawn from, besides in tracks and backgrounds."""


class Frame(NamedTuple):
    """One picture, and where the sign is in it.

    Args:
        pixels: uint8 (height, width, 3).
        region: left, top, right, bottom, the last two included, in pixels.
    """

    pixels: NDArray[np.uint8]
    region: tuple[int, int, int, int]


def track(
    drawing: Image.Image,
    photos: Sequence[Image.Image],
    conditions: Conditions,
    place: tuple[int, int, int, int],
    frames: int = FRAMES,
) -> list[Frame]:
    """The frames of one sign, from far to near.

    Args:
        drawing: RGBA, square.
        photos: what is behind it, one of them is chosen.
        conditions: how hard it may be.
        place: seed, number of the split, class, number of the track; nothing else decides what is drawn.
        frames: how many.
    """
    random = np.random.default_rng((_TRACK, *place))
    scene = _Scene(drawing, photos[int(random.integers(len(photos)))], conditions, random)
    return [scene.frame(k / max(1, frames - 1)) for k in range(frames)]


class _Scene:
    """What stays the same through one track."""

    def __init__(
        self, drawing: Image.Image, photo: Image.Image, conditions: Conditions, random: np.random.Generator
    ) -> None:
        self.random, self.conditions = random, conditions
        self.levels = _levels(_weathered(drawing, random))
        self.angles = [
            random.uniform(-1, 1) * random.uniform(0.3, 1) * limit
            for limit in (conditions.yaw, conditions.pitch, conditions.roll)
        ]
        self.turning = random.normal(0, [3, 1, 0.6])
        self.first = random.uniform(SMALLEST, 30)
        self.last = min(float(LARGEST), max(1.5 * self.first, random.lognormal(np.log(72), 0.5)))
        side = min(photo.size)
        part = side * random.uniform(0.25, 0.8)
        self.behind = photo
        self.window = (random.uniform(0, photo.width - part), random.uniform(0, photo.height - part), part)
        self.gain = 2.0 ** -(conditions.dark * random.beta(1.1, 1.6)) * 1.15
        self.apart = 2.0 ** random.normal(0, 0.35)  # the sign is in another light than what is behind
        self.cast = 2.0 ** random.normal(0, 0.16, 3)
        self.veil = conditions.veil * random.beta(1, 2.2)
        self.veil_colour = random.uniform(0.45, 1.0) * 2.0 ** random.normal(0, 0.08, 3)
        self.defocus = conditions.defocus * random.beta(1.2, 2)
        self.motion = conditions.motion * random.beta(1.2, 2)
        self.towards = random.uniform(0, np.pi)
        self.noise = conditions.noise * random.beta(1.2, 2.5)
        self.shadow = _line(random) if random.random() < conditions.shaded else None
        self.depth = random.uniform(0.3, 0.7)
        self.hiding = _shapes(random) if random.random() < conditions.hidden else []
        self.hiding_colour = random.uniform(0.05, 0.55) * np.array([0.75, 1.0, 0.6]) ** random.uniform(0, 1)
        self.pole = random.random() < 0.5
        self.quality = int(random.integers(conditions.worst, 92))
        self.ramp = random.normal(0, 0.22, 2)

    def frame(self, nearness: float) -> Frame:
        """One frame; 0 is the farthest, 1 the nearest. What is near grows as 1 / distance does."""
        random = self.random
        side = 1 / (1 / self.first + (1 / self.last - 1 / self.first) * nearness)
        width = int(np.clip(round(side * random.normal(1, 0.02)), SMALLEST, LARGEST))
        height = int(np.clip(round(side * random.normal(1, 0.02)), SMALLEST, LARGEST))
        fine = 2 if max(width, height) < 64 else 1
        canvas = (width * fine, height * fine)
        yaw, pitch, roll = np.deg2rad(self.angles + self.turning * nearness)
        corners = _corners(yaw, pitch, roll, 5 - 2 * nearness)
        reach = np.abs(corners).max(0)
        off = random.uniform(-1, 1, 2) * self.conditions.off
        middle = (0.5 + off) * canvas
        scale = min(canvas) / _MARGIN / 2 / reach.max() * random.uniform(0.97, 1.03)
        placed = corners * scale + middle
        sign = self._sign(placed, canvas)
        light = self._light(canvas, nearness)
        scene = self._background(canvas, nearness, placed) * light
        cover = sign[:, :, 3:]
        lit: Pixels = scene * (1 - cover) + sign[:, :, :3] * self._shade(canvas, placed) * light * self.apart
        for hidden in self.hiding:
            lit = self._hide(lit, hidden, placed, canvas)
        pixels = self._camera(lit, (width, height), fine)
        low = np.floor(placed.min(0) / fine).astype(int)
        high = np.ceil(placed.max(0) / fine).astype(int)
        left, top = (int(v) for v in np.maximum(low, 0))
        right, bottom = (int(v) for v in np.minimum(high, [width - 1, height - 1]))
        return Frame(pixels, (left, top, right, bottom))

    def _sign(self, placed: NDArray[np.float64], canvas: tuple[int, int]) -> Pixels:
        """The drawing seen at its angle: (h, w, red, green, blue and cover), colours times cover."""
        wanted = float(np.ptp(placed, axis=0).max())
        level = next((image for image in self.levels if image.width >= wanted), self.levels[-1])
        side = level.width
        flat = np.array([[0, 0], [side, 0], [side, side], [0, side]], dtype=float)
        warped = level.transform(
            canvas, Image.Transform.PERSPECTIVE, _projection(placed, flat), Image.Resampling.BILINEAR
        )
        values = np.asarray(warped, dtype=np.float32) / 255
        values[:, :, :3] = values[:, :, :3] ** 2.2 * values[:, :, 3:]
        return values

    def _background(self, canvas: tuple[int, int], nearness: float, placed: NDArray[np.float64]) -> Pixels:
        left, top, part = self.window
        near = 1 - 0.45 * nearness
        inner = part * near
        shift = (part - inner) / 2
        box = (left + shift, top + shift, left + shift + inner, top + shift + inner)
        image = self.behind.resize(canvas, Image.Resampling.BILINEAR, box, reducing_gap=1.5)
        if self.pole:
            low, wide = placed.mean(0), max(1.0, 0.05 * float(np.ptp(placed[:, 0])))
            ImageDraw.Draw(image).rectangle((low[0] - wide, low[1], low[0] + wide, canvas[1]), fill=(125, 127, 130))
        return (np.asarray(image, dtype=np.float32) / 255) ** 2.2

    def _light(self, canvas: tuple[int, int], nearness: float) -> Pixels:
        x = np.linspace(-1, 1, canvas[0], dtype=np.float32)[None, :, None]
        y = np.linspace(-1, 1, canvas[1], dtype=np.float32)[:, None, None]
        falling = np.exp2(self.ramp[0] * x + self.ramp[1] * y)
        flicker = 2.0 ** self.random.normal(0, 0.08)
        light: Pixels = (falling * self.gain * flicker * self.cast.astype(np.float32)).astype(np.float32)
        return light

    def _shade(self, canvas: tuple[int, int], placed: NDArray[np.float64]) -> Pixels | float:
        if self.shadow is None:
            return 1.0
        angle, at, soft = self.shadow
        middle, size = placed.mean(0), float(np.ptp(placed, axis=0).max())
        x = (np.arange(canvas[0], dtype=np.float32) - middle[0])[None, :] / size
        y = (np.arange(canvas[1], dtype=np.float32) - middle[1])[:, None] / size
        across = x * np.cos(angle) + y * np.sin(angle) - at
        lit: Pixels = (1 - self.depth / (1 + np.exp(-across / soft)))[:, :, None].astype(np.float32)
        return lit

    def _hide(
        self, scene: Pixels, shape: NDArray[np.float64], placed: NDArray[np.float64], canvas: tuple[int, int]
    ) -> Pixels:
        size, middle = float(np.ptp(placed, axis=0).max()), placed.mean(0)
        mask = Image.new("L", canvas)
        ImageDraw.Draw(mask).polygon([tuple(point) for point in shape * size + middle], fill=255)
        cover = np.asarray(mask, dtype=np.float32)[:, :, None] / 255
        colour = (self.hiding_colour**2.2 * self.gain).astype(np.float32)
        hidden: Pixels = scene * (1 - cover) + colour * cover
        return hidden

    def _camera(self, scene: Pixels, size: tuple[int, int], fine: int) -> NDArray[np.uint8]:
        random = self.random
        scene = scene * (1 - self.veil) + (self.veil * self.veil_colour * self.gain).astype(np.float32)
        scene = _blurred(
            scene, self.defocus * fine, self.motion * scene.shape[1] * random.uniform(0.6, 1.2), self.towards
        )
        if fine > 1:
            scene = scene.reshape(size[1], fine, size[0], fine, 3).mean((1, 3))
        # Automatic exposure gives back most of the light that is lacking, and its noise with it.
        exposure = 0.75 * (0.2 / max(1e-3, float(scene.mean()))) ** 0.55
        scene = scene * exposure
        deviation = self.noise * np.sqrt(np.clip(scene, 0, 1) * 0.6 + 0.08) * max(1.0, exposure) ** 0.5
        scene = scene + random.standard_normal(scene.shape, dtype=np.float32) * deviation
        values = (np.clip(scene, 0, 1) ** (1 / 2.2) * 255 + 0.5).astype(np.uint8)
        written = io.BytesIO()
        Image.fromarray(values).save(written, "JPEG", quality=self.quality)
        with opening(FileInMemory(written.getvalue(), "a frame")) as opened:
            return np.asarray(opened.image)


def _weathered(drawing: Image.Image, random: np.random.Generator) -> Image.Image:
    """The sign as it hangs there: faded, dirty, its red and blue not quite those of the next."""
    values = np.asarray(drawing, dtype=np.float32) / 255
    colours, cover = values[:, :, :3], values[:, :, 3:]
    grey = (colours @ _GREY)[:, :, None]
    colours = grey + (colours - grey) * np.float32(random.uniform(0.35, 1.05))
    colours = colours * (2.0 ** random.normal(0, 0.1, 3)).astype(np.float32)
    low, high = random.uniform(0.0, 0.22), random.uniform(0.75, 1.0)
    colours = low + colours * (high - low)
    coarse = int(random.integers(3, 9))
    dirt = zoom(
        random.random((coarse, coarse), dtype=np.float32), len(values) / coarse, order=1, grid_mode=True, mode="nearest"
    )
    colours = colours * (1 - np.float32(random.uniform(0, 0.55)) * dirt[:, :, None] ** 2)
    faded = np.concatenate([np.clip(colours, 0, 1), cover], 2)
    return Image.fromarray((faded * 255 + 0.5).astype(np.uint8), "RGBA")


def _levels(image: Image.Image) -> list[Image.Image]:
    """The drawing at a quarter, half and its own size, so that no pixel of it is stepped over."""
    sizes = []
    side = image.width
    while side >= 16:
        sizes.append(image if side == image.width else image.resize((side, side), Image.Resampling.BOX))
        side //= 2
    return sizes[::-1]


def _corners(yaw: float, pitch: float, roll: float, distance: float) -> NDArray[np.float64]:
    """The corners of a square of half side 1 that is turned, as seen from ``distance`` half sides, (4, x and y)."""
    flat = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], dtype=float)
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    turned = flat @ (about_x @ about_y @ about_z).T
    seen: NDArray[np.float64] = turned[:, :2] * (distance / (distance + turned[:, 2:]))
    return seen


def _projection(placed: NDArray[np.float64], flat: NDArray[np.float64]) -> tuple[float, ...]:
    """The eight numbers by which Pillow finds a pixel's place in the drawing."""
    rows, values = [], []
    for (x, y), (u, v) in zip(placed, flat, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return tuple(np.linalg.solve(np.array(rows), np.array(values)).tolist())


def _blurred(scene: Pixels, defocus: float, motion: float, towards: float) -> Pixels:
    """Defocus, and a movement in a straight line."""
    if defocus > 0.3:
        scene = gaussian_filter(scene, (defocus, defocus, 0), mode="nearest", truncate=2.5)
    steps = round(motion)
    if steps < 2:
        return scene
    border = steps // 2 + 1
    padded = np.pad(scene, ((border, border), (border, border), (0, 0)), mode="edge")
    height, width = scene.shape[:2]
    moved = np.zeros_like(scene)
    for at in np.linspace(-steps / 2, steps / 2, steps):
        down, right = border + round(at * np.sin(towards)), border + round(at * np.cos(towards))
        moved += padded[down : down + height, right : right + width]
    return moved / steps


def _line(random: np.random.Generator) -> tuple[float, float, float]:
    """The edge of a shadow: its direction, where it lies from the middle, and how soft it is, in shares of the sign."""
    return random.uniform(0, 2 * np.pi), random.uniform(-0.3, 0.3), random.uniform(0.005, 0.08)


def _shapes(random: np.random.Generator) -> list[NDArray[np.float64]]:
    """One to three things before the sign, as polygons in shares of its size around its middle: leaves, or a bar."""
    if random.random() < 0.3:
        at, wide, tilt = random.uniform(-0.4, 0.4), random.uniform(0.03, 0.1), random.uniform(-0.15, 0.15)
        return [
            np.array(
                [[at - wide - tilt, -0.8], [at + wide - tilt, -0.8], [at + wide + tilt, 0.8], [at - wide + tilt, 0.8]]
            )
        ]
    shapes = []
    for _ in range(random.integers(1, 4)):
        angle = random.uniform(0, 2 * np.pi)
        middle = random.uniform(0.25, 0.6) * np.array([np.cos(angle), np.sin(angle)])
        around = np.sort(random.uniform(0, 2 * np.pi, 9))
        radius = random.uniform(0.05, 0.2, 9)
        shapes.append(middle + radius[:, None] * np.stack([np.cos(around), np.sin(around)], 1))
    return shapes
