# SPDX-License-Identifier: Apache-2.0
"""The part of docs/validation.md that is about the costs of logic, from a calibrated technology
file: nothing is measured here."""

import yaml

from calibration import activity, fits, streams, technology_file

HEADING = "## The costs of logic"
# (area um2, energy fJ) at the same points from a separate study of the same library: other RTL, the
# same tools, an event-driven simulator of its own. Of a dot unit per lane.
MACS = {
    16: {"8x8": (44.4, 235.9), "8x6": (37.0, 184.8), "8x4": (29.3, 130.3), "7x5": (31.5, 138.4),
         "6x6": (31.9, 137.5), "6x4": (25.7, 99.5), "5x5": (26.7, 104.6), "4x4": (22.7, 79.3),
         "3x3": (17.8, 54.9)},
    24: {"8x8": (55.4, 265.1), "8x6": (48.2, 215.1), "8x4": (39.0, 156.6), "7x5": (42.0, 156.8),
         "6x6": (43.0, 163.1), "6x4": (35.4, 124.9), "5x5": (36.1, 126.6), "4x4": (32.4, 100.7),
         "3x3": (25.8, 72.4)},
    32: {"8x8": (64.8, 281.7), "8x6": (58.0, 235.1), "8x4": (49.9, 186.9), "7x5": (53.1, 182.6),
         "6x6": (53.6, 188.7), "6x4": (45.2, 144.4), "5x5": (45.5, 150.4), "4x4": (41.5, 122.7),
         "3x3": (33.9, 89.5)},
}
DOTS = {"dot_l4_8x8_p20": (45.7, 236), "dot_l4_8x4_p20": (29.5, 137), "dot_l4_6x6_p20": (32.2, 146),
        "dot_l4_5x5_p20": (27.4, 122), "dot_l4_4x4_p20": (22.1, 84),
        "dot_l16_8x8_p20": (37.8, 221), "dot_l16_6x6_p16": (23.1, 128),
        "dot_l16_6x6_p24": (24.2, 134), "dot_l16_6x4_p16": (16.9, 94),
        "dot_l16_4x4_p20": (13.9, 75)}
OTHERS = {"multiplier_8x8": (26.93, 127.1), "multiplier_6x6": (14.06, 62.4),
          "multiplier_4x4": (5.04, 18.6), "adder_8": (3.24, 12.8), "adder_16": (6.91, 28.5),
          "adder_32": (14.81, 60.3)}
UNPACKERS = {"unpacker_5": (13.1, 79), "unpacker_6": (13.8, 72), "unpacker_7": (14.7, 86),
             "unpacker_8": (10.7, 57)}  # a lane, a value; 8 lanes on a bus of 64 bits
MOST_AREA_PERCENT, MOST_ENERGY_PERCENT = 10, 15


def percent(value, reference):
    return 100 * (value / reference - 1)


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def energy_fj(row):
    return row.get("gaussian_fj", row.get("uniform_fj"))


def references():
    """Row name: area, energy and what both are for: lanes of area, lanes of energy."""
    found = {f"mac_{pair}_p{p}_wrap": (*figures, 1, 1)
             for p, pairs in MACS.items() for pair, figures in pairs.items()}
    found.update({name: (*figures, fits.parameters(name)["l"], fits.parameters(name)["l"])
                  for name, figures in DOTS.items()})
    found.update({name: (*figures, 1, 1) for name, figures in OTHERS.items()})
    found.update({name: (*figures, 8, 1) for name, figures in UNPACKERS.items()})
    return found


def comparison(rows):
    """Markdown of rows against the references, and those that differ by more than is claimed."""
    lines, beyond = [], []
    for name, (area, energy, area_lanes, energy_lanes) in references().items():
        if name not in rows:
            continue
        found_area = rows[name]["area_um2"] / area_lanes
        found_energy = energy_fj(rows[name]) / energy_lanes
        differences = percent(found_area, area), percent(found_energy, energy)
        if (abs(differences[0]) > MOST_AREA_PERCENT or abs(differences[1]) > MOST_ENERGY_PERCENT):
            beyond.append(name)
        lines.append((name, f"{found_area:.2f}", f"{area:g}", f"{differences[0]:+.1f} %",
                      f"{found_energy:.1f}", f"{energy:g}", f"{differences[1]:+.1f} %"))
    header = ("design", "area, um2", "study", "difference", "energy, fJ", "study", "difference")
    return table(header, lines), beyond


def fit_table(rows):
    lines = []
    for prefix, fit in sorted(technology_file.fitted(rows)[0].items()):
        worst = max(fit.errors, key=lambda name: abs(fit.errors[name]))
        lines.append((f"`{prefix}_*`", f"`{fit.rows}`", str(len(fit.errors)),
                      f"{100 * fit.mean_error():.1f} %", f"{100 * fit.largest_error():.1f} %",
                      worst))
    return table(("coefficients", "rows", "number", "mean error", "largest", "of"), lines)


def glitch_text(rows):
    ratios = [row["gaussian_fj"] / row["gaussian_settled_fj"]
              for row in fits.matching(rows, "mac_*").values()]
    return (f"Glitches make {min(ratios):.2f} .. {max(ratios):.2f} times the energy that the same\n"
            "multiply-accumulates would need if every net changed at most once a cycle.\n")


def beyond_text(beyond):
    unpackers = [name for name in beyond if name in UNPACKERS]
    others = [name for name in beyond if name not in UNPACKERS]
    text = ""
    if unpackers:
        text += f"""
By more, downwards: {', '.join(unpackers)}. rtl/gearbox.sv moves its bits in multiples of what both
widths have in common, which takes fewer multiplexers.
"""
    if others:
        text += f"""
By more, without a reason that is known: {', '.join(others)}. Results of synthesis for neighbouring
widths scatter by some percent; the simulator uses the fit through all of them.
"""
    return text


def real_table(rows, coefficients):
    """Streams that no fit has seen: measured, and how far off two predictions are."""
    lines = []
    for name, row in rows.items():
        for stream in activity.real(row):
            measured, nominal = row[f"{stream}_fj"], row[f"{activity.NOMINAL}_fj"]
            predicted = activity.predicted_fj(row, stream, coefficients)
            lines.append((stream.removeprefix(streams.REAL), f"`{name}`", f"{measured:.1f}",
                          f"{nominal:.1f}", f"{percent(nominal, measured):+.1f} %",
                          f"{predicted:.1f}", f"{percent(predicted, measured):+.1f} %"))
    return table(("operands", "unit", "measured, fJ", "nominal", "off by", "by toggles", "off by"),
                 lines)


def activity_text(rows):
    """How far toggles tell the energy."""
    coefficients = activity.fit(rows)
    if coefficients is None:
        return ""
    fitted = fits.matching(rows, activity.ROWS).values()
    nominal = [row[f"{activity.NOMINAL}_fj"] / row[f"{stream}_fj"] - 1
               for row in fitted for stream in activity.drawn(row)]
    dots = {(name, stream): activity.error(row, stream, coefficients)
            for name, row in fits.matching(rows, "dot_*").items() for stream in activity.drawn(row)}
    almost_idle = [error for (_, stream), error in dots.items() if stream == "narrowest"]
    others = [error for (_, stream), error in dots.items() if stream != "narrowest"]
    return f"""\
### Energy by the operands' activity

With `energy.activity: measured` a step costs more or less than with nominal operands by
{coefficients[0]:g} fJ for each bit of a partial product (a weight's bit and an activation's) and
{coefficients[1]:g} fJ for each bit of the inner accumulator that toggles beyond the nominal number:
two coefficients for all widths (`axesim explain partial_product_toggle_fj`). They are fitted to the
rows `{activity.ROWS}`, each measured with {len(activity.drawn(next(iter(fitted))))} streams beside
the nominal one: smaller deviations of both operands or of one, weights held for 32 steps, half of
the codes 0, activations of one sign. The error in a unit that the fit has not seen is
{activity.spread(activity.left_out_errors(rows))}; nominal energies are off by
{activity.spread(nominal)}. Toggles of the operands' own bits tell much less: a small number
that changes its sign toggles most of its bits, yet few nets of a multiplier.

Dot units of four lanes, which the fit has not seen: {activity.spread(others)};
of operands with an eighth of the deviation (nearly all 0 when they have 4 bits) the energy is
predicted {100 * min(almost_idle):+.0f} .. {100 * max(almost_idle):+.0f} % off. Real operands, which it has
not seen either, are weights that `axesim quantize` made and activations of SmolLM2 on the text that
comes with axesim, {streams.REAL_STEPS} steps of random channels and tokens; w and a are bits, 6 if not said:

{real_table(rows, coefficients)}

What is not in these two counts: where weights stay, a unit's first token follows another weight's
last one; and a chain of partial sums is measured as an accumulator of its own.
"""


def section(path):
    """The text. Rows that are off by more than claimed are named in it."""
    content = yaml.safe_load(path.read_text())
    rows, provenance = content["measurements"], content["provenance"]
    compared, beyond = comparison(rows)
    compared_number = len(references().keys() & rows.keys())
    return f"""\
{HEADING}

`configs/technology/{path.name}` is made by `scripts/calibrate` from the RTL in rtl/:
{provenance['tools']}, {len(rows)} designs, library {provenance['library']}
({provenance['liberty']}, SHA-256 {provenance['liberty_sha256']}).
Each mapped netlist computed the right integers for all operands that its energy was measured with,
and its area is the sum of its cells, counted twice. That the RTL computes what the simulator
computes, and in as many cycles, is tested by `ctest -L rtl`: rtl/README.md says what is compared,
with how many operands; there is no difference.

### Against another study

The same library, other RTL, another simulator: of {compared_number} designs
{compared_number - len(beyond)} have an area within {MOST_AREA_PERCENT} % and an energy within
{MOST_ENERGY_PERCENT} % of that study's. Most energies here are a few percent higher: the data pins
of flip-flops count too. Areas of dot units and unpackers are a lane's, energies a step's, a lane's
or a value's.

{compared}
{beyond_text(beyond)}
### Fits

What a coefficient's rows are off from the fit that the simulator uses; unpackers are tables without
a fit. `axesim explain mac_area_um2_mn` shows the rows of one.

{fit_table(rows)}

{glitch_text(rows)}
{activity_text(rows)}
### Not modelled

Layout, clock tree, corners and temperature: cells are placed and wired by two factors only
(`axesim explain utilization`, `axesim explain layout_energy`), at the library's one corner. No cell
of several outputs (full adders), no Booth recoding, no retiming: one recipe of abc. Setup times and
clock skew are not part of critical paths. kappa scales energies to published ones, see
`axesim explain kappa`. Floating point, SRAM and DRAM are not made from RTL; their sources are in
the tables.
"""
