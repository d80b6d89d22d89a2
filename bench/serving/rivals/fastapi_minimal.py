"""The least that serves: FastAPI, one pydantic body, XGBoost called in line, under uvicorn.

``python -m bench.serving.rivals.fastapi_minimal PORT MODEL_FILE``
"""

import sys

import numpy as np
import uvicorn
import xgboost
from fastapi import FastAPI
from pydantic import BaseModel

__all__ = ["Body", "Forecast", "application"]


class Body(BaseModel):
    """Rows of values, without names."""

    instances: list[list[float]]


class Forecast(BaseModel):
    """One number a row."""

    predictions: list[float]


def application(model_file: str) -> FastAPI:
    """Return the application."""
    booster = xgboost.Booster({"nthread": 1}, model_file=model_file)
    app = FastAPI()

    @app.post("/predict")
    async def predict(body: Body) -> Forecast:
        rows = np.array(body.instances, dtype=np.float64)
        return Forecast(predictions=booster.inplace_predict(rows).tolist())

    return app


if __name__ == "__main__":
    uvicorn.run(application(sys.argv[2]), host="127.0.0.1", port=int(sys.argv[1]))
