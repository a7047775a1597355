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
    "log2_l": lambda p: math.log2(p["l"]),
    "p": lambda p: p["p"],
    "1": lambda p: 1,
}
ROW_NAME = re.compile(r"[a-z_]+?(?:_l(?P<l>\d+))?(?:_(?P<m>\d+)x(?P<n>\d+))?(?:_p?(?P<p>\d+))?(?:_[a-z_]+)?")


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
        return (f"least squares over {len(self.errors)} rows, mean error "
                f"{self.mean_error():.1%}, largest {self.largest_error():.1%}"
                .replace("%", " %"))


def rounded(value):
    return float(f"{value:.4g}")


def fit(rows, pattern, quantity, suffixes):
    """The coefficients are rounded before their errors are taken."""
    chosen = matching(rows, pattern)
    if len(chosen) < len(suffixes):
        raise ValueError(f"{len(chosen)} rows {pattern} cannot fit {len(suffixes)} terms")
    values = np.array([row[quantity] for row in chosen.values()])
    terms = np.array([[TERMS[suffix](parameters(name)) for suffix in suffixes] for name in chosen])
    found, *_ = np.linalg.lstsq(terms / values[:, None], np.ones(len(values)), rcond=None)
    coefficients = {suffix: rounded(value) for suffix, value in zip(suffixes, found)}
    predicted = terms @ np.array(list(coefficients.values()))
    errors = {name: float(error) for name, error in zip(chosen, predicted / values - 1)}
    return Fit(coefficients, pattern, errors)
