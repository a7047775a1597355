# SPDX-License-Identifier: Apache-2.0
"""Operands of multiply-accumulates, and how many bits toggle in a unit that gets them."""

import dataclasses

import numpy as np

TILE = 32  # steps between two clearings of an accumulator, and cycles that a held weight stays
REAL = "real_"  # what names of streams that were not drawn begin with
REAL_STRETCH = 6 * TILE  # products of one dot product in such a stream
REAL_STEPS = 10 * REAL_STRETCH


@dataclasses.dataclass(frozen=True)
class Stream:
    """How operands are drawn: normal, rounded and clipped; their deviations over the nominal one,
    the largest magnitude over 3.5, which is about that of a language model's codes."""

    weights: float = 1  # deviation
    activations: float = 1
    held: int = 1  # cycles that a weight stays
    zeros: float = 0  # share of weights and of activations that are 0 instead
    mean: float = 0  # of activations, over the largest magnitude


STREAMS = {
    "gaussian": Stream(),
    "held": Stream(held=TILE),
    "half": Stream(1 / 2, 1 / 2),
    "narrow": Stream(1 / 4, 1 / 4),
    "narrowest": Stream(1 / 8, 1 / 8),
    "narrow_weights": Stream(weights=1 / 4),
    "narrow_activations": Stream(activations=1 / 4),
    "held_half": Stream(1 / 2, 1 / 2, held=TILE),
    "sparse": Stream(zeros=1 / 2),
    "positive": Stream(activations=1 / 2, mean=1 / 2),
}
NOMINAL = ("gaussian", "held")


class Operands:
    """Draws codes; the same for the same seed."""

    def __init__(self, seed):
        self.generator = np.random.default_rng(seed)

    def uniform(self, bits, shape):
        """Over the whole range."""
        low, high = -(1 << bits - 1), (1 << bits - 1) - 1
        return self.generator.integers(low, high, shape, endpoint=True).astype(object)

    def normal(self, bits, shape, deviation=1, mean=0, zeros=0):
        low, high = -(1 << bits - 1), (1 << bits - 1) - 1
        values = self.generator.normal(mean * high, deviation * high / 3.5, shape)
        values = np.rint(values).clip(low, high).astype(np.int64).astype(object)
        if zeros:
            values[self.generator.random(shape) < zeros] = 0
        return values

    def products(self, stream, weight_bits, activation_bits, shape, signed):
        """Weights and activations of a stream; unsigned activations have their zero in the middle
        of the range."""
        w = self.normal(weight_bits, shape, stream.weights, zeros=stream.zeros)
        x = self.normal(activation_bits, shape, stream.activations, stream.mean, stream.zeros)
        held = np.arange(len(w)) // stream.held * stream.held
        return w[held], x + (0 if signed else 1 << activation_bits - 1)


def real_stream(weights, activations, seed=1):
    """Operands [REAL_STEPS, 1] as they meet in a unit of an output-stationary array: stretches of
    the dot products of tokens (rows of `activations`) and channels (rows of `weights`) that are
    drawn."""
    generator = np.random.default_rng(seed)
    w, x = [], []
    for _ in range(REAL_STEPS // REAL_STRETCH):
        first = TILE * generator.integers((weights.shape[1] - REAL_STRETCH) // TILE + 1)
        w.append(weights[generator.integers(len(weights)), first:first + REAL_STRETCH])
        x.append(activations[generator.integers(len(activations)), first:first + REAL_STRETCH])
    return tuple(np.concatenate(part).astype(object)[:, None] for part in (w, x))


ones = np.vectorize(lambda value: int(value).bit_count(), otypes=[np.int64])


def partial_product_toggles(w, x, weight_bits, activation_bits):
    """Of the bit products of all lanes, the mean number that change from a step to the next. Of
    codes [steps, lanes] in two's complement; a bit product is 1 where both its bits are."""
    w, x = w & (1 << weight_bits) - 1, x & (1 << activation_bits) - 1
    at_one = ones(w) * ones(x)
    both = ones(w[1:] & w[:-1]) * ones(x[1:] & x[:-1])
    return (at_one[1:] + at_one[:-1] - 2 * both).sum() / (len(w) - 1)


def register_toggles(values, bits):
    """Mean number of bits of a register that change from a value to the next."""
    words = np.array(values, dtype=object) & (1 << bits) - 1
    return ones(words[1:] ^ words[:-1]).mean()
