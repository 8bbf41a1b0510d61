import json

import numpy as np
import pytest
from scipy.special import logsumexp

from martlet.errors import MartletError
from martlet.tasks.prediction import softmax
from martlet.tasks.rejection import (
    ENERGY,
    MAX_LOGIT,
    PROBABILITY,
    SCORES,
    Unknown,
    fit_unknown,
    score,
)

LOGITS = np.random.default_rng(0).normal(size=(230, 4)).astype(np.float32)


def test_scores() -> None:
    maps = np.moveaxis(LOGITS.reshape(23, 10, 4), -1, 0)  # classes first, as of a scene
    np.testing.assert_allclose(score(ENERGY, LOGITS), logsumexp(LOGITS.astype(float), axis=1))
    np.testing.assert_allclose(score(ENERGY, maps, axis=0).ravel(), score(ENERGY, LOGITS))
    np.testing.assert_array_equal(score(MAX_LOGIT, LOGITS), LOGITS.max(axis=1))
    np.testing.assert_allclose(score(PROBABILITY, LOGITS), softmax(LOGITS).max(axis=1))
    assert np.isfinite(score(ENERGY, np.array([1e4, -1e4], np.float32)))


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("share", [0.01, 0.05, 0.1, 0.333])
def test_the_stated_share_of_known_samples_is_rejected(name: str, share: float) -> None:
    found = fit_unknown(name, LOGITS, share)
    assert found is not None
    rejected = int(found.is_unknown(LOGITS).sum())
    assert share * 230 - 1 < rejected <= share * 230
    assert (found.share, found.samples) == (share, 230)


def test_none_for_less_than_one_sample_and_for_what_is_no_number() -> None:
    assert fit_unknown(ENERGY, LOGITS[:19], 0.05) is None
    assert fit_unknown(ENERGY, LOGITS[:20], 0.05) is not None
    broken = LOGITS.copy()
    broken[0, 0] = np.inf
    assert fit_unknown(ENERGY, broken, 0.05) is None


def test_it_goes_through_json_with_every_bit() -> None:
    found = fit_unknown(ENERGY, LOGITS, 0.05)
    assert found is not None
    assert Unknown.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    assert Unknown.from_dict(None) is None


@pytest.mark.parametrize(
    "wrong",
    [{"score": "softmax"}, {"below": "x"}, {"below": float("nan")}, {"samples": []}, {"more": 1}],
)
def test_what_is_damaged_is_refused(wrong: dict[str, object]) -> None:
    good = {"score": ENERGY, "below": 1.0, "share": 0.05, "samples": 9}
    with pytest.raises(MartletError, match="unknown"):
        Unknown.from_dict({**good, **wrong})
