# SPDX-License-Identifier: Apache-2.0
"""What an integer GEMM on the simulated hardware must give, written from the text of the semantics
and from nothing of the program: one step after the other, each add checked for overflow."""

import dataclasses
import math

import numpy as np


@dataclasses.dataclass
class Design:
    weight_bits: int
    activation_bits: int
    inner_bits: int
    tile: int  # 0: monolithic
    lanes: int
    overflow: str  # wrap or saturate
    symmetric: bool
    narrow: bool
    outer_bits: int = 0  # 0: auto

    def activation_range(self):
        n = self.activation_bits
        return (-(2 ** (n - 1)), 2 ** (n - 1) - 1) if self.symmetric else (0, 2**n - 1)

    def weight_range(self):
        top = 2 ** (self.weight_bits - 1) - 1
        return (-top if self.narrow else -top - 1, top)

    def bits_of_one_product(self):
        """The least width that holds every product of a weight and an activation."""
        products = [a * w for a in self.activation_range() for w in self.weight_range()]
        bits = 2
        while min(products) < -(2 ** (bits - 1)) or max(products) > 2 ** (bits - 1) - 1:
            bits += 1
        return bits

    def tile_length(self, depth):
        return self.tile or depth

    def resolved_outer_bits(self, depth):
        tiles = math.ceil(depth / self.tile_length(depth))
        return self.outer_bits or self.inner_bits + (tiles - 1).bit_length()


def fit(exact, bits, overflow):
    """The register's value after an add whose exact result is given, and how many adds overflowed."""
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    events = int(np.count_nonzero((exact < low) | (exact > high)))
    if overflow == "saturate":
        return np.clip(exact, low, high), events
    return (exact - low) % 2**bits + low, events


def gemm(x, w, design):
    """y [tokens, out] with the events of the inner and of the outer accumulators."""
    x, w = x.astype(np.int64), w.astype(np.int64)
    depth = x.shape[1]
    length = design.tile_length(depth)
    outer = np.zeros((x.shape[0], w.shape[0]), np.int64)
    inner_events = outer_events = 0
    for first in range(0, depth, length):
        last = min(first + length, depth)
        inner = np.zeros_like(outer)
        for k in range(first, last, design.lanes):
            end = min(k + design.lanes, last)
            step = x[:, k:end] @ w[:, k:end].T
            inner, events = fit(inner + step, design.inner_bits, design.overflow)
            inner_events += events
        outer, events = fit(outer + inner, design.resolved_outer_bits(depth), design.overflow)
        outer_events += events
    return outer, inner_events, outer_events
