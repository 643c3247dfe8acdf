"""The 43 classes of the German benchmark (GTSRB), in the order of its numbers, in English and French.

Source: J. Stallkamp, M. Schlipsing, J. Salmen, C. Igel, Man vs. computer: Benchmarking machine learning algorithms for
traffic sign recognition, Neural Networks 32, 2012, section 2; the counts are those of the published archives.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Language = Literal["en", "fr"]


class Sign(NamedTuple):
    """One class.

    Args:
        en: its name in English.
        fr: its name in French.
        tracks: physical signs in the official training archive, each photographed 30 times.
        test: pictures in the official test archive.
    """

    en: str
    fr: str
    tracks: int
    test: int


SIGNS = (
    Sign("speed limit 20", "limitation à 20", 7, 60),
    Sign("speed limit 30", "limitation à 30", 74, 720),
    Sign("speed limit 50", "limitation à 50", 75, 750),
    Sign("speed limit 60", "limitation à 60", 47, 450),
    Sign("speed limit 70", "limitation à 70", 66, 660),
    Sign("speed limit 80", "limitation à 80", 62, 630),
    Sign("end of speed limit 80", "fin de limitation à 80", 14, 150),
    Sign("speed limit 100", "limitation à 100", 48, 450),
    Sign("speed limit 120", "limitation à 120", 47, 450),
    Sign("no passing", "interdiction de dépasser", 49, 480),
    Sign("no passing for trucks", "interdiction de dépasser pour les camions", 67, 660),
    Sign("priority at the next crossing", "priorité à la prochaine intersection", 44, 420),
    Sign("priority road", "route prioritaire", 70, 690),
    Sign("yield", "cédez le passage", 72, 720),
    Sign("stop", "arrêt", 26, 270),
    Sign("no vehicles", "circulation interdite", 21, 210),
    Sign("no trucks", "interdit aux camions", 14, 150),
    Sign("no entry", "sens interdit", 37, 360),
    Sign("danger", "danger", 40, 390),
    Sign("curve to the left", "virage à gauche", 7, 60),
    Sign("curve to the right", "virage à droite", 12, 90),
    Sign("double curve", "succession de virages", 11, 90),
    Sign("uneven road", "chaussée déformée", 13, 120),
    Sign("slippery road", "chaussée glissante", 17, 150),
    Sign("road narrows on the right", "chaussée rétrécie par la droite", 9, 90),
    Sign("roadworks", "travaux", 50, 480),
    Sign("traffic signals", "feux tricolores", 20, 180),
    Sign("pedestrians", "piétons", 8, 60),
    Sign("children", "enfants", 18, 150),
    Sign("bicycles", "cyclistes", 9, 90),
    Sign("ice or snow", "neige ou verglas", 15, 150),
    Sign("wild animals", "animaux sauvages", 26, 270),
    Sign("end of all limits", "fin de toutes les interdictions", 8, 60),
    Sign("turn right ahead", "tourner à droite", 23, 210),
    Sign("turn left ahead", "tourner à gauche", 14, 120),
    Sign("straight ahead", "tout droit", 40, 390),
    Sign("straight ahead or right", "tout droit ou à droite", 13, 120),
    Sign("straight ahead or left", "tout droit ou à gauche", 7, 60),
    Sign("keep right", "contournement par la droite", 69, 690),
    Sign("keep left", "contournement par la gauche", 10, 90),
    Sign("roundabout", "carrefour giratoire", 12, 90),
    Sign("end of no passing", "fin d'interdiction de dépasser", 8, 60),
    Sign("end of no passing for trucks", "fin d'interdiction de dépasser pour les camions", 8, 90),
)
FRAMES = 30
"""Pictures of one track, from far to near."""
SPEED_LIMITS = (0, 1, 2, 3, 4, 5, 7, 8)
"""Classes that differ in a number alone; the ninth, 6, ends one of them."""
TRAIN, TEST = 39_209, 12_630
"""Pictures as published: 1,307 tracks of 30, one of which lacks a picture; and those of the test archive."""
ONLINE = 26_640
"""Pictures of the training archive of the online competition of January 2011, which is another split."""


_ALIKE = (11, 12, 13, 15, 17, 18, 22, 26, 30, 35)
_PAIRS = ((19, 20), (33, 34), (36, 37), (38, 39))
MIRRORS = tuple(
    label if label in _ALIKE else dict([*_PAIRS, *((right, left) for left, right in _PAIRS)]).get(label, -1)
    for label in range(len(SIGNS))
)
"""The class of each class's mirror image: its own, that of the other side, or -1 where it is no sign."""


def names(language: Language = "en") -> tuple[str, ...]:
    """The names of the 43 classes, in the order of their numbers."""
    return tuple(sign.fr if language == "fr" else sign.en for sign in SIGNS)
