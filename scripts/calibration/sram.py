# SPDX-License-Identifier: Apache-2.0
"""The part of docs/validation.md that is about SRAM: the coefficients in use against CACTI, and
their rule of the word's width against compiled macros."""

import math
import re

import yaml

from calibration import liberty
from calibration.report import percent, table

HEADING = "## SRAM"
NODE_NM, SCALED_NM = 22, 7  # CACTI's smallest planar node; the technology's
KIB = (8, 32, 128, 256, 1024)
WORD_BITS = (32, 64, 96, 192, 512)
READ, WRITE = "A_MEN & !A_WEN & A_REN", "A_MEN & A_WEN & !A_REN"


def coefficients(path, profile):
    content = yaml.safe_load(path.read_text())
    entries = {**content["coefficients"], **content["profiles"][profile]["coefficients"]}
    return {name: entry["value"] for name, entry in entries.items() if name.startswith("sram_")}


def read_pj(c, kib, word_bits):
    """models/cost/sram.cpp."""
    whole = c["sram_a_pj"] + c["sram_b_pj"] * math.sqrt(kib)
    return whole * (c["sram_phi"] + (1 - c["sram_phi"]) * word_bits / 64)


def macro(path):
    """Rows, bits and energies (pJ) of a compiled macro with one port, from its Liberty file."""
    rows, bits = map(int, re.search(r"_(\d+)x(\d+)_", path.name).groups())
    found = {"name": f"{rows} x {bits}", "rows": rows, "bits": bits}
    library = liberty.parse(liberty.text_of(path))
    (clock,) = [pin for pin in library.all("cell")[0].all("pin") if pin.name == "A_CLK"]
    for power in clock.all("internal_power"):
        when = " ".join(power.attributes.get("when", "").split())
        for what, condition in (("read_pj", READ), ("write_pj", WRITE)):
            if when == condition:
                (found[what],) = liberty.numbers(power.all("rise_power")[0].attributes["values"])
    return found


def width_share(energies):
    """The phi of {word bits: energy of a read} that is off by the least squares."""
    whole = energies[64]
    rest = {bits / 64 - 1: 1 - energy / whole for bits, energy in energies.items() if bits != 64}
    return 1 + sum(more * less for more, less in rest.items()) / sum(more**2 for more in rest)


def cacti_table(cacti, c):
    """Markdown of reads against CACTI's at 22 nm, whose energies go with the square root of the
    node; {(KiB, word bits): difference}."""
    scale = math.sqrt(SCALED_NM / NODE_NM)
    lines, differences = [], {}
    for kib in KIB:
        for word_bits in WORD_BITS:
            found = cacti.point(kib, word_bits, NODE_NM)["read_pj"] * scale
            difference = percent(read_pj(c, kib, word_bits), found)
            differences[kib, word_bits] = difference
            lines.append((str(kib), str(word_bits), f"{found:.2f}",
                          f"{read_pj(c, kib, word_bits):.2f}", f"{difference:+.0f} %"))
    header = ("KiB", "word, bits", "CACTI, pJ", "axesim, pJ", "difference")
    return table(header, lines), differences


def macro_table(macros, phi):
    """The rule of the width from the widest macro of the same rows to the others."""
    lines, errors = [], []
    for found in sorted(macros, key=lambda m: (m["rows"], m["bits"])):
        widest = max((m for m in macros if m["rows"] == found["rows"]), key=lambda m: m["bits"])
        if widest is found:
            continue
        rule = [phi + (1 - phi) * m["bits"] / 64 for m in (found, widest)]
        expected = widest["read_pj"] * rule[0] / rule[1]
        errors.append(percent(expected, found["read_pj"]))
        lines.append((found["name"], widest["name"], f"{found['read_pj']:.1f}", f"{expected:.1f}",
                      f"{errors[-1]:+.1f} %"))
    return table(("macro", "from", "read, pJ", "by the rule", "difference"), lines)


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def section(technology, cacti, macro_files):
    """The text; without macros, it says so."""
    raw = coefficients(technology, "asap7_raw")
    calibrated = coefficients(technology, "7nm_calibrated")
    compared, differences = cacti_table(cacti, raw)
    at_64 = max(abs(found) for (_, bits), found in differences.items() if bits == 64)
    shares = [width_share({bits: cacti.point(kib, bits, NODE_NM)["read_pj"] for bits in WORD_BITS})
              for kib in KIB]
    points = [cacti.point(kib, 64, NODE_NM) for kib in KIB]
    writes = [point["write_pj"] / point["read_pj"] for point in points]
    area = [point["area_mm2"] * 1e6 * SCALED_NM / NODE_NM / (kib * 8192)
            for point, kib in zip(points, KIB)]
    standby = [cacti.point(kib, 64, NODE_NM, "itrs-lstp")["leakage_mw"] * 1024 / kib for kib in KIB]
    ratio = [read_pj(calibrated, kib, 64) / read_pj(raw, kib, 64) for kib in KIB]
    macros = [macro(path) for path in macro_files]
    text = f"""\
{HEADING}

The coefficients in use against CACTI 7 ({cacti.package}, fetched and built by
`scripts/validation_table --sram`): RAM of one bank and port at {NODE_NM} nm, low operating power,
350 K, of the organizations at most 20 % slower than the fastest the one of the least energy, times
sqrt({SCALED_NM}/{NODE_NM}). Energy of a read, profile asap7_raw:

{compared}

Words of 64 bits are within {at_64:.0f} %; over all, the mean difference is {mean(map(abs, differences.values())):.0f} %, the largest
{max(map(abs, differences.values())):.0f} %: CACTI jumps from one organization to another, and in small arrays its energy grows
less with the word's width. A width-independent share (sram_phi) of {shares[0]:.2f} (of {KIB[0]} KiB) .. {shares[-1]:.2f} (of
{KIB[-1]} KiB) would fit it, which is more than the {raw['sram_phi']:g} in use and than the bounds of a report's range; the
compiled macros below ask for less.

Writes of 64 bits take {min(writes):.2f} .. {max(writes):.2f} times a read's energy in CACTI, {raw['sram_write_ratio']:g} in
axesim. Area a bit, times {SCALED_NM}/{NODE_NM}: {min(area):.3f} .. {max(area):.3f} um2, in axesim {raw['sram_area_um2_per_bit']:g}. Leakage of
low-standby-power cells: {min(standby):.2f} .. {max(standby):.2f} mW/MiB, in axesim {raw['sram_leak_mw_per_mib']:g}. The default profile
7nm_calibrated takes its energies from published figures (`axesim explain sram_a_pj`): of 64 bits,
{min(ratio):.1f} .. {max(ratio):.0f} times asap7_raw's. Which of the two is right for a given memory compiler is
not known; reports of both profiles bound it.
"""
    if macros:
        ratios = [found["write_pj"] / found["read_pj"] for found in macros]
        text += f"""
How energy goes with the word's width, against compiled macros of IHP SG13G2 (130 nm, Liberty
files), from the widest of as many rows; a write takes {min(ratios):.2f} .. {max(ratios):.2f} times a read's energy:

{macro_table(macros, raw['sram_phi'])}
"""
    return text
