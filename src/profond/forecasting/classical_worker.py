"""One classical method at many origins, in a process of its own: what it prints or breaks stays there.

Reads one JSON object on standard input; writes one JSON line for each origin, as soon as it is forecast.
"""

from __future__ import annotations

import json
import os
import sys
import warnings


def main() -> None:
    warnings.filterwarnings("ignore")
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    with open(os.devnull, "w") as nowhere:  # below Python too: compiled code prints as well
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    asked = json.load(sys.stdin)
    import numpy as np
    from statsforecast import models

    kinds = {"ets": models.AutoETS, "theta": models.AutoTheta, "arima": models.AutoARIMA}
    values = np.array(asked["values"], dtype=np.float64)
    for origin in asked["origins"]:
        past = values[max(0, origin - asked["longest"]) : origin]
        model = kinds[asked["method"]](season_length=asked["season"])
        ahead = [float(value) for value in model.forecast(y=past, h=asked["horizon"])["mean"]]
        answer.write(json.dumps({"origin": origin, "values": ahead}) + "\n")
        answer.flush()


if __name__ == "__main__":
    main()
