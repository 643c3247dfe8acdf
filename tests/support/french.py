"""French as it is set: its spaces, its signs, its numbers, and the words of this trade."""

from __future__ import annotations

import re

from profond.lecture.words import NARROW, WIDE

YEAR = re.compile(r"(?:19|20)\d\d")
WRONG_IN_FRENCH = {
    "a straight apostrophe or quotation mark": r"['\"]",
    "no no-break space before a colon": rf"[^{WIDE}]:",
    "no narrow no-break space before ; ! ? %": rf"[^{NARROW}][;!?%]",
    "no no-break space inside guillemets": rf"«[^{WIDE}]|[^{WIDE}]»",
    "a decimal point": r"\d\.\d",
    "a thousands separator that is none": r"\d[ ,.]\d{3}\b",
    "a word of another language or trade": (
        r"frontière|convolutionnel|va plus profond|\bstrides?\b(?!\))|\bpaddings?\b(?!\))|\bfeature maps?\b(?!\))"
        r"|\bpré-entraîn|\bconvnet"
    ),
}


def french_faults(line: str) -> list[str]:
    line = line.replace("SqueezeNet 1.1", "SqueezeNet")  # a version, not a decimal number
    faults = [fault for fault, pattern in WRONG_IN_FRENCH.items() if re.search(pattern, line)]
    long_numbers = [found for found in re.findall(r"(?<![\d.,])\d{4,}", line) if not YEAR.fullmatch(found)]
    return faults + [f"{found} is not grouped" for found in long_numbers]
