"""The known models in MLServer, which imports this file in its own environment."""

from __future__ import annotations

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.errors import InferenceError
from mlserver.types import InferenceRequest, InferenceResponse, RequestInput, ResponseOutput


class Known(MLModel):
    """The output tensors that a function of NumPy arrays gives, those that were asked for."""

    def computed(self, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        raise NotImplementedError

    async def load(self) -> bool:
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        wanted = {port.name: port for port in self.inputs}
        given = {}
        for one in payload.inputs:
            if one.name not in wanted or one.datatype != wanted[one.name].datatype:
                raise InferenceError(f"no input {one.name} of {one.datatype}")
            given[one.name] = array(one)
            if given[one.name].shape[1:] != tuple(wanted[one.name].shape[1:]):
                raise InferenceError(f"{one.name} has another shape: {one.shape}")
        if given.keys() != wanted.keys():
            raise InferenceError(f"an input is missing: {sorted(wanted.keys() - given.keys())}")
        found = self.computed(given)
        names = [one.name for one in payload.outputs] if payload.outputs else list(found)
        if not set(names) <= found.keys():
            raise InferenceError(f"no such output: {names}")
        return InferenceResponse(
            model_name=self.name, model_version=self.version, outputs=[encoded(name, found[name]) for name in names]
        )


def array(given: RequestInput) -> np.ndarray:
    if given.datatype == "BYTES":
        return np.array(given.data.root, object).reshape(given.shape)
    return NumpyCodec.decode_input(given)


def encoded(name: str, value: np.ndarray) -> ResponseOutput:
    if value.dtype == object:
        return ResponseOutput(name=name, datatype="BYTES", shape=list(value.shape), data=value.ravel().tolist())
    return NumpyCodec.encode_output(name, value)


class Sum(Known):
    def computed(self, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"sum": given["left"] + given["right"], "difference": given["left"] - given["right"]}


class Words(Known):
    def computed(self, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"again": given["words"]}


class Halves(Known):
    def computed(self, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"doubled": given["halves"] * np.float16(2)}
