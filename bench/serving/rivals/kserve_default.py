"""KServe as it comes: one Model under one ModelServer, XGBoost called in line.

``python -m bench.serving.rivals.kserve_default --http_port N --grpc_port N --model_file F``
"""

import argparse

import kserve
import numpy as np
import xgboost
from kserve import model_server
from numpy.typing import NDArray

__all__ = ["Default"]

_Payload = dict[str, list[list[float]]]


class Default(kserve.Model):  # type: ignore[misc]  # KServe has no types
    """Answers V1 on bare lists, with the trees alone."""

    def __init__(self, model_file: str) -> None:
        super().__init__("volcast")
        self._booster = xgboost.Booster({"nthread": 1}, model_file=model_file)
        self.ready = True

    def predict(self, payload: _Payload, headers: object = None) -> object:  # noqa: ARG002, D102
        return {"predictions": self._booster.inplace_predict(_rows(payload)).tolist()}

    def explain(self, payload: _Payload, headers: object = None) -> object:  # noqa: ARG002, D102
        data = xgboost.DMatrix(_rows(payload), nthread=1)
        return {"explanations": self._booster.predict(data, pred_contribs=True).tolist()}


def _rows(payload: _Payload) -> NDArray[np.float64]:
    return np.array(payload["instances"], dtype=np.float64)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(parents=[model_server.parser])
    parser.add_argument("--model_file")
    kserve.ModelServer().start([Default(parser.parse_args().model_file)])
