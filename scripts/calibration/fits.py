# SPDX-License-Identifier: Apache-2.0
"""Least squares over measured rows, on relative errors: a small design counts as much as a large
one. Terms are those of models/cost/technology.h, by suffix of the coefficient."""

import dataclasses
import fnmatch
import math
import re

import numpy as np

TERMS = {  # suffix -> value for a row's parameters
    "mn": lambda p: p["m"] * p["n"],
    "m_plus_n": lambda p: p["m"] + p["n"],
    "lmn": lambda p: p["l"] * p["m"] * p["n"],
    "l_m_plus_n": lambda p: p["l"] * (p["m"] + p["n"]),
    "log2_ln": lambda p: math.log2(p.get("l", 1) * p["n"]),
    "p": lambda p: p["p"],
    "1": lambda p: 1,
}
ROW_NAME = re.compile(r"[a-z_]+?(?:_l(?P<l>\d+))?(?:_(?P<m>\d+)x(?P<n>\d+))?"
                      r"(?:_p?(?P<p>\d+))?(?:_[a-z_]+)?")


def parameters(row_name):
    """Of a name like dot_l4_6x6_p20, mac_8x8_p24_wrap or adder_16."""
    found = ROW_NAME.fullmatch(row_name).groupdict()
    return {name: int(value) for name, value in found.items() if value}


def matching(rows, pattern):
    return {name: row for name, row in rows.items() if fnmatch.fnmatchcase(name, pattern)}


@dataclasses.dataclass
class Fit:
    coefficients: dict  # suffix -> value
    rows: str  # pattern of the rows' names
    errors: dict  # row -> relative error

    def mean_error(self):
        return sum(map(abs, self.errors.values())) / len(self.errors)

    def largest_error(self):
        return max(map(abs, self.errors.values()))

    def text(self):
        return (f"fit to {len(self.errors)} rows, mean error "
                f"{self.mean_error():.1%}, largest {self.largest_error():.1%}"
                .replace("%", " %"))


def rounded(value):
    return float(f"{value:.4g}")


@dataclasses.dataclass
class Floor:
    """A point where a fit must not lie below a value: {m, n, p, l} and the value."""

    parameters: dict
    value: float


def terms_of(names, suffixes):
    return np.array([[TERMS[suffix](parameters) for suffix in suffixes] for parameters in names])


def least_squares(terms, values, weights):
    return np.linalg.lstsq(terms / weights[:, None], values / weights, rcond=None)[0]


def fit(rows, pattern, quantity, suffixes, floor=None):
    """Least squares; where that lies below the floor, through it. The coefficients are rounded
    before their errors are taken."""
    chosen = matching(rows, pattern)
    if len(chosen) < len(suffixes):
        raise ValueError(f"{len(chosen)} rows {pattern} cannot fit {len(suffixes)} terms")
    values = np.array([row[quantity] for row in chosen.values()])
    terms = terms_of(map(parameters, chosen), suffixes)
    found = least_squares(terms, values, values)
    if floor is not None:
        (point,) = terms_of([floor.parameters], suffixes)
        if point @ found < floor.value:
            found = least_squares(terms - point, values - floor.value, values)
            found[suffixes.index("1")] = floor.value - sum(
                found[i] * point[i] for i, suffix in enumerate(suffixes) if suffix != "1")
    return with_coefficients(rows, pattern, quantity, dict(zip(suffixes, map(rounded, found))))


def with_coefficients(rows, pattern, quantity, coefficients):
    """A fit whose coefficients come from elsewhere, with its errors on these rows."""
    chosen = matching(rows, pattern)
    predicted = terms_of(map(parameters, chosen), coefficients) @ list(coefficients.values())
    errors = {name: float(value / row[quantity] - 1)
              for (name, row), value in zip(chosen.items(), predicted)}
    return Fit(coefficients, pattern, errors)
