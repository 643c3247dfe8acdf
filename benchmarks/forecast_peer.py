"""One fit of neuralforecast, in an environment that has no Profond: ``python forecast_peer.py ASKED SERIES OUT``.

ASKED is JSON: model, seed, calendar, look_back, horizon, windows, quick. SERIES is an .npz with stamps, values without
gaps, and the calendar's features. OUT gets the forecasts (n, h), and one line of JSON is printed: CPU seconds, version.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings

STEPS = {"NHITS": 500, "DLinear": 1000, "NLinear": 1000}


def main() -> None:
    asked, series, out = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
    warnings.simplefilter("ignore")
    import neuralforecast
    import numpy as np
    import pandas as pd
    import torch
    from neuralforecast import NeuralForecast, models
    from neuralforecast.losses.pytorch import MAE

    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    kept = np.load(series)
    stamps = pd.to_datetime(kept["stamps"], unit="s")
    frame = pd.DataFrame({"unique_id": "one", "ds": stamps, "y": kept["values"]})
    known = [f"calendar {n}" for n in range(kept["calendar"].shape[1])] if asked["calendar"] else []
    for name, column in zip(known, kept["calendar"].T, strict=False):
        frame[name] = column
    steps = 2 if asked["quick"] else STEPS[asked["model"]]
    quiet = {
        "enable_progress_bar": False,
        "logger": False,
        "enable_checkpointing": False,
        "enable_model_summary": False,
    }
    model = getattr(models, asked["model"])(
        h=asked["horizon"],
        input_size=asked["look_back"],
        loss=MAE(),
        learning_rate=1e-3,
        num_lr_decays=3,
        max_steps=steps,
        windows_batch_size=256,
        scaler_type="robust",
        random_seed=asked["seed"],
        accelerator="cpu",
        **({"futr_exog_list": known} if known else {}),
        **quiet,
    )
    network = NeuralForecast(models=[model], freq=asked["frequency"])
    began = time.process_time()
    found = network.cross_validation(
        df=frame, n_windows=asked["windows"], step_size=asked["step"], val_size=0, refit=False
    )
    seconds = time.process_time() - began
    rows = found.sort_values(["cutoff", "ds"])[asked["model"]].to_numpy().reshape(asked["windows"], asked["horizon"])
    np.save(out, rows)
    print(json.dumps({"seconds": seconds, "version": neuralforecast.__version__, "torch": torch.__version__}))


if __name__ == "__main__":
    main()
