"""A server whose model takes its time, as a process that can be told to stop: ``held_server.py PORT SECONDS``."""

from __future__ import annotations

import sys
import time
from typing import Any

from numpy.typing import NDArray
from support.known_models import Sum

from profond.runtime.engines.engine import Arrays
from profond.server.hosted import Offered
from profond.server.running import serve
from profond.server.settings import Settings


class Slow(Sum):
    """Takes so many seconds for a batch, once it is loaded."""

    seconds = 0.0

    def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        if (inputs["left"] == 42).any():
            time.sleep(self.seconds)
        return super().run(inputs)


if __name__ == "__main__":
    port, Slow.seconds = int(sys.argv[1]), float(sys.argv[2])
    serve([Offered("sum", Slow)], Settings(port=port))
