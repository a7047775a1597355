# SPDX-License-Identifier: Apache-2.0
"""What a step costs with other operands than the nominal ones: so much more for each bit of a
partial product, and of the accumulator, that toggles beyond the nominal number. Two coefficients for
all units, least squares on relative errors, as in fits."""

import math

import numpy as np

from calibration import fits, streams

ROWS = "mac_*_p24_wrap"  # those that the coefficients are fitted to
TOGGLES = {  # coefficient: toggles in a row, of what
    "partial_product_toggle_fj": ("partial_product_toggles", "of a partial product"),
    "accumulator_toggle_fj": ("accumulator_toggles", "of the inner accumulator"),
}
NOMINAL = "gaussian"


def drawn(row):
    """The streams that a row has, but for the nominal one and real ones."""
    return [name for name in streams.STREAMS if name != NOMINAL and f"{name}_fj" in row]


def real(row):
    return [key.removesuffix("_fj") for key in row
            if key.startswith(streams.REAL) and key.endswith("_fj")
            and not key.endswith("settled_fj")]


def is_only_real(row):
    """Whether the unit is measured for nothing else."""
    return bool(real(row)) and not drawn(row)


def beyond(row, stimulus):
    """Bits that toggle beyond the nominal ones, a step."""
    return [row[f"{stimulus}_{what}"] - row[f"{NOMINAL}_{what}"] for what, _ in TOGGLES.values()]


def predicted_fj(row, stimulus, coefficients):
    return row[f"{NOMINAL}_fj"] + float(np.dot(coefficients, beyond(row, stimulus)))


def error(row, stimulus, coefficients):
    return predicted_fj(row, stimulus, coefficients) / row[f"{stimulus}_fj"] - 1


def coefficients_of(rows):
    cases = [(row, name) for row in rows for name in drawn(row)]
    energies = np.array([row[f"{name}_fj"] for row, name in cases])
    more = energies - np.array([row[f"{NOMINAL}_fj"] for row, _ in cases])
    bits = np.array([beyond(row, name) for row, name in cases])
    return [fits.rounded(c) for c in fits.least_squares(bits, more, energies)]


def fit(rows):
    """The coefficients in the order of TOGGLES; None when no row has other streams."""
    chosen = fits.matching(rows, ROWS).values()
    return coefficients_of(chosen) if any(len(drawn(row)) > 1 for row in chosen) else None


def left_out_errors(rows):
    """Of every drawn stream of every unit, by the coefficients of the other units."""
    chosen = list(fits.matching(rows, ROWS).values())
    return [error(row, name, coefficients_of([other for other in chosen if other is not row]))
            for row in chosen for name in drawn(row)]


def spread(errors):
    """As in "3.2 % (root mean square), 12.1 % at most"."""
    rms = math.sqrt(sum(e * e for e in errors) / len(errors))
    return f"{100 * rms:.1f} % (root mean square), {100 * max(map(abs, errors)):.1f} % at most"


def entries(rows, entry):
    """The technology file's entries, made by entry(value, unit, source, rows)."""
    found = fit(rows)
    if found is None:
        return {}
    chosen = fits.matching(rows, ROWS)
    number = sum(len(drawn(row)) for row in chosen.values())
    source = ("a step's energy beyond that with nominal operands, by the bits {} (and the others) "
              f"that toggle beyond theirs: fit to {number} streams in {len(chosen)} units, error "
              f"in a unit that the fit has not seen {spread(left_out_errors(rows))}")
    return {name: entry(value, "fJ", source.format(of), ROWS)
            for (name, (_, of)), value in zip(TOGGLES.items(), found)}
