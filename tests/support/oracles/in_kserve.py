"""The known models in KServe's server in Python, which runs this file in its own environment: ``in_kserve.py PORT``."""

from __future__ import annotations

import sys
from typing import ClassVar

import numpy as np
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer
from kserve.errors import InvalidInput
from kserve.utils.utils import generate_uuid


class Known(Model):
    """The output tensors that a function of NumPy arrays gives, those that were asked for."""

    takes: ClassVar[dict[str, str]]
    gives: ClassVar[dict[str, str]]
    width = 3

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.ready = True

    async def get_input_types(self) -> list[dict]:
        return [{"name": name, "datatype": kind, "shape": [-1, self.width]} for name, kind in self.takes.items()]

    async def get_output_types(self) -> list[dict]:
        return [{"name": name, "datatype": kind, "shape": [-1, self.width]} for name, kind in self.gives.items()]

    def computed(self, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        raise NotImplementedError

    async def predict(self, payload: InferRequest, headers=None, response_headers=None) -> InferResponse:
        given = {}
        for one in payload.inputs:
            if self.takes.get(one.name) != one.datatype or list(one.shape[1:]) != [self.width]:
                raise InvalidInput(f"{one.name} of {one.datatype}, {one.shape} does not fit")
            given[one.name] = one.as_numpy()
        if given.keys() != self.takes.keys():
            raise InvalidInput("an input is missing")
        found = self.computed(given)
        names = [one.name for one in payload.request_outputs] if payload.request_outputs else list(found)
        if not set(names) <= found.keys():
            raise InvalidInput(f"no such output: {names}")
        outputs = []
        for name in names:
            kind = {"float32": "FP32", "float16": "FP16"}.get(str(found[name].dtype), "BYTES")
            output = InferOutput(name=name, shape=list(found[name].shape), datatype=kind)
            output.set_data_from_numpy(found[name], binary_data=True)
            outputs.append(output)
        return InferResponse(
            response_id=payload.id or generate_uuid(),
            model_name=self.name,
            infer_outputs=outputs,
            use_binary_outputs=payload.use_binary_outputs,
            requested_outputs=payload.request_outputs,
        )


class Sum(Known):
    takes: ClassVar[dict[str, str]] = {"left": "FP32", "right": "FP32"}
    gives: ClassVar[dict[str, str]] = {"sum": "FP32", "difference": "FP32"}

    def computed(self, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"sum": given["left"] + given["right"], "difference": given["left"] - given["right"]}


class Words(Known):
    takes: ClassVar[dict[str, str]] = {"words": "BYTES"}
    gives: ClassVar[dict[str, str]] = {"again": "BYTES"}
    width = 2

    def computed(self, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"again": given["words"]}


class Halves(Known):
    takes: ClassVar[dict[str, str]] = {"halves": "FP16"}
    gives: ClassVar[dict[str, str]] = {"doubled": "FP16"}

    def computed(self, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"doubled": given["halves"] * np.float16(2)}


if __name__ == "__main__":
    ModelServer(http_port=int(sys.argv[1]), enable_grpc=False, workers=1).start(
        [Sum("sum"), Words("words"), Halves("halves")]
    )
