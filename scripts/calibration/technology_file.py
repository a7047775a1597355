# SPDX-License-Identifier: Apache-2.0
"""The technology file: measured coefficients in place of those of a base file, what cannot be
measured here copied or scaled from it, and the rows themselves."""

import copy
import math

import yaml

from calibration import activity, fits

HEADER = """\
# SPDX-License-Identifier: Apache-2.0
# Written by scripts/calibrate; `axesim explain NAME` shows a coefficient with its rows. Logic
# coefficients are raw synthesis values; the profile's kappa and the layout factors are applied by
# models/cost. A suffix names the term of a fit: _mn times M N, _m_plus_n times (M + N), _p times P,
# _1 constant; l stands for lanes. The bounds (min, max) of kappa, sram_phi and
# sram_area_um2_per_bit make the range of a reported total.
"""
MAC = ("mn", "m_plus_n", "p", "1")
DOT = ("lmn", "l_m_plus_n", "p", "1")
ADDER = ("p", "1")
DELAY = ("log2_ln", "p", "1")
FITS = {  # prefix of the coefficients: rows, what of them, terms, unit, what that is
    "mac_area_um2": ("mac_*_wrap", "area_um2", MAC, "um2", "cell area of a wrapping "
                     "multiply-accumulate with registered operands and P flip-flops"),
    "mac_energy_fj": ("mac_*_wrap", "gaussian_fj", MAC, "fJ", "energy of a step, Gaussian operands "
                      "of both signs, accumulator cleared every 32 steps, glitches counted"),
    "mac_held_energy_fj": ("mac_*_wrap", "held_fj", MAC, "fJ",
                           "the same with each weight held for 32 steps"),
    "mac_leak_nw": ("mac_*_wrap", "leakage_nw", MAC, "nW",
                    "leakage of the cells, averaged over their states"),
    "mac_delay_ps": ("mac_*[pe]", "critical_path_ps", DELAY, "ps", "critical path of wrapping and "
                     "saturating multiply-accumulates without setup time"),
    "dot_area_um2": ("dot_*", "area_um2", DOT, "um2", "cell area of a dot unit of L lanes with "
                     "registered operands, an inner and a 32-bit outer accumulator"),
    "dot_energy_fj": ("dot_*", "gaussian_fj", DOT, "fJ",
                      "energy of a step of all lanes, Gaussian operands, glitches counted"),
    "dot_delay_ps": ("dot_*", "critical_path_ps", DELAY, "ps",
                     "critical path of a wrapping dot unit without setup time"),
    "add_area_um2": ("adder_*", "area_um2", ADDER, "um2", "cell area of a P-bit adder"),
    "add_energy_fj": ("adder_*", "uniform_fj", ADDER, "fJ",
                      "energy of an addition, uniform operands, glitches counted"),
}
UNPACK_TABLES = {  # by element bits: what of the rows, unit, divided by the lanes
    "unpack_energy_fj_per_value": ("gaussian_fj", "fJ", False),
    "unpack_area_um2_per_lane": ("area_um2", "um2", True),
}
# Of a base file of another library, what grows like ... of the 8 x 8 multiplier.
SCALED = {"fp32_mac_area_um2": "area_um2", "sram_area_um2_per_bit": "area_um2",
          "sram_leak_mw_per_mib": "leakage_nw", "fp32_multiply_pj": "gaussian_fj",
          "fp32_add_pj": "gaussian_fj", "int32_multiply_pj": "gaussian_fj",
          "sram_a_pj": "gaussian_fj", "sram_b_pj": "gaussian_fj"}
YARDSTICK = "multiplier_8x8"
# Energies of operations in 7 nm, fJ: what the profile 7nm_calibrated scales to.
PUBLISHED_7NM = {"adder_8": ("uniform_fj", 7), "adder_32": ("uniform_fj", 30),
                 "multiplier_8x8": ("gaussian_fj", 70), "multiplier_32x32": ("gaussian_fj", 1480)}
PUBLISHED_7NM_SOURCE = "Jouppi et al., ISCA 2021 (recalled, not re-verified)"


def entry(value, unit, source, rows=""):
    found = {"value": fits.rounded(value), "unit": unit}
    if rows:
        found["rows"] = rows
    return {**found, "source": source}


def floors(rows, adders):
    """models/cost/logic.cpp gives the accumulator its P bits and a P-bit adder's share of the
    constant; what is left of the smallest unit are its multipliers, which are no less than their
    operands' registers. Without this a fit that is good at the rows may have none left."""
    (name, register), = fits.matching(rows, "register_*").items()
    bits = fits.parameters(name)["p"]
    found = {}
    for prefix, (pattern, quantity, suffixes, *_) in FITS.items():
        adder = adders["add_energy_fj" if quantity.endswith("_fj") else "add_area_um2"]
        smallest = {"m": 3, "n": 3, "l": 2 if pattern == "dot_*" else 1,
                    "p": -adder["1"] / adder["p"]}
        of_register = register["uniform_fj" if quantity.endswith("_fj") else quantity] / bits
        if suffixes in (MAC, DOT):
            found[prefix] = fits.Floor(smallest, 6 * smallest["l"] * of_register)
    return found


def saturated_area(rows, wrapping):
    """Saturation costs the same for each bit of the accumulator, whatever is multiplied."""
    pairs = [(fits.parameters(name)["p"], row["area_um2"],
              rows[name.replace("saturate", "wrap")]["area_um2"])
             for name, row in fits.matching(rows, "mac_*_saturate").items()]
    more = sum((saturate - wrap) / p for p, saturate, wrap in pairs) / len(pairs)
    coefficients = {**wrapping, "p": fits.rounded(wrapping["p"] + more)}
    return fits.with_coefficients(rows, "mac_*_saturate", "area_um2", coefficients)


def fitted(rows):
    """All fits and their coefficients."""
    adders = {prefix: fits.fit(rows, *FITS[prefix][:3]).coefficients
              for prefix in ("add_area_um2", "add_energy_fj")}
    least = floors(rows, adders)
    found, coefficients = {}, {}

    def add(prefix, fit, quantity, unit, what):
        found[prefix] = fit
        source = f"{what}: {quantity}, {fit.text()}"
        for suffix, value in fit.coefficients.items():
            coefficients[f"{prefix}_{suffix}"] = entry(value, unit, source, fit.rows)

    for prefix, (pattern, quantity, suffixes, unit, what) in FITS.items():
        fit = fits.fit(rows, pattern, quantity, suffixes, least.get(prefix))
        add(prefix, fit, quantity, unit, what)
    add("mac_saturate_area_um2", saturated_area(rows, found["mac_area_um2"].coefficients),
        "area_um2", "um2", "the wrapping one's fit and what saturation adds to a bit of the "
        "accumulator, mean of the pairs of rows")
    return found, coefficients


def geometric_mean(values):
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values))


def saturation(rows):
    ratios = [row["gaussian_fj"] / rows[name.replace("saturate", "wrap")]["gaussian_fj"]
              for name, row in fits.matching(rows, "mac_*_saturate").items()]
    source = ("energy of a saturating over that of a wrapping multiply-accumulate: geometric mean "
              f"of {min(ratios):.2f} .. {max(ratios):.2f}")
    return entry(geometric_mean(ratios), "1", source, "mac_*_saturate")


def register(rows, clock_fj):
    """Energy of a toggling bit beyond the clock; half of the bits toggle in a random word."""
    (name, row), = fits.matching(rows, "register_*").items()
    per_bit = row["uniform_fj"] / fits.parameters(name)["p"]
    return entry(2 * (per_bit - clock_fj), "fJ",
                 "a row of flip-flops that takes random words, less its clock, over the bits that "
                 "toggle", "register_*")


def multiplexer(rows):
    (name, row), = fits.matching(rows, "mux_*").items()
    bits = fits.parameters(name)["p"]
    return {"mux_area_um2": entry(row["area_um2"] / bits, "um2",
                                  "a row of 2:1 multiplexers and the drivers of its select, a bit",
                                  "mux_*"),
            "mux_energy_fj": entry(row["uniform_fj"] / bits, "fJ",
                                   "the same row, random operands and select, a bit", "mux_*")}


def leakage_density(rows):
    densities = [row["leakage_nw"] / row["area_um2"] for row in rows.values()]
    source = f"leakage over area, mean of all rows ({min(densities):.2f} .. {max(densities):.2f})"
    return entry(sum(densities) / len(densities), "nW/um2", source, "*")


def wire_fj_per_bit_mm(wire_ff_per_um, supply_v):
    """Long wires with repeaters sized for the least delay, which hold as much capacitance as the
    wire itself (Bakoglu, "Circuits, Interconnections, and Packaging for VLSI", 1990: sized and
    spaced for that, their part is sqrt((C_in + C_out) / 2 C_in) of the wire's, 1 where an inverter's
    output has what its input has). Half of the bits toggle, half of the toggles draw C V^2."""
    ff_per_mm = 1000 * wire_ff_per_um
    source = (f"derived: (wire of {wire_ff_per_um:g} fF/um and repeaters of as much) times V^2, of "
              "which random data draw a quarter; repeaters sized for the least delay (Bakoglu)")
    return entry(2 * ff_per_mm * supply_v**2 / 4, "fJ/(bit mm)", source)


def from_library(library, clock_fj, wire_ff_per_um):
    flip_flop = library.flip_flop()
    return {
        "wire_fj_per_bit_mm": wire_fj_per_bit_mm(wire_ff_per_um, library.supply_v),
        "supply_v": entry(library.supply_v, "V", f"nominal voltage of the library {library.name}"),
        "flip_flop_area_um2": entry(flip_flop.area_um2, "um2", f"area of {flip_flop.name}"),
        "flip_flop_clock_fj": entry(clock_fj, "fJ", f"{flip_flop.name}: internal energy of the "
                                    "clock pin and its load, a cycle"),
    }


def unpack_table(rows, quantity, unit, by_lane, lanes_of):
    """Widths that were not measured take the row of the next wider one that was, else the widest
    one in proportion to the bits (a small grid only)."""
    measured = {fits.parameters(name)["p"]: row
                for name, row in fits.matching(rows, "unpacker_*").items()}
    values = {}
    for bits in [*range(2, 17), 32]:
        nearest = min((b for b in measured if b >= bits), default=max(measured))
        value = measured[nearest][quantity] / (lanes_of(nearest) if by_lane else 1)
        values[bits] = fits.rounded(value * max(1, bits / nearest))
    source = ("synthesis and gate-level simulation of unpacker.sv on a 64-bit bus, as many lanes "
              "(a power of two) as it can feed")
    missing = sorted(set(values) - set(measured))
    if missing:
        source += f"; not measured, from another width: {', '.join(map(str, missing))} bits"
    return {"unit": unit, "rows": "unpacker_*", "source": source, "values": values}


def scaled(base_entry, ratio, library):
    found = {name: fits.rounded(value * ratio) if name in ("value", "min", "max") else value
             for name, value in base_entry.items()}
    found["source"] = (f"not measured: times {ratio:.3g}, the ratio of the 8 x 8 multipliers of "
                       f"{library.name} and of the technology that this is of: "
                       f"{base_entry['source']}")
    return found


def foreign(base, rows, library):
    """The base's entries of another technology, scaled; one profile without kappa."""
    ratios = {quantity: rows[YARDSTICK][quantity] / base["measurements"][YARDSTICK][quantity]
              for quantity in set(SCALED.values())}
    base = copy.deepcopy(base)
    raw = next(name for name in base["profiles"]
               if base["profiles"][name]["coefficients"]["kappa"]["value"] == 1)
    profile = base["profiles"][raw]["coefficients"]
    for section in (base["coefficients"], profile):
        for name in section.keys() & SCALED.keys():
            section[name] = scaled(section[name], ratios[SCALED[name]], library)
    profile["kappa"] = entry(1, "1", "gate-level energies unscaled")
    base["default_profile"] = "raw"
    base["profiles"] = {"raw": {
        "description": f"kappa 1: gate-level energies of {library.name} as they are; memories and "
                       "floating point scaled from another technology, not measured",
        "coefficients": profile}}
    return base


def calibrated_kappa(base, rows):
    """kappa of 7nm_calibrated, where the rows that it is made of were measured."""
    profile = base["profiles"].get("7nm_calibrated")
    if not profile or not PUBLISHED_7NM.keys() <= rows.keys():
        return
    ratios = [rows[name][quantity] / fj for name, (quantity, fj) in PUBLISHED_7NM.items()]
    kappa = profile["coefficients"]["kappa"]
    kappa["value"] = float(f"{1 / geometric_mean(ratios):.2g}")
    kappa["source"] = (
        f"1 / geometric mean of the ratios ({min(ratios):.2f} .. {max(ratios):.2f}) of measured "
        f"energies of {', '.join(PUBLISHED_7NM)} to the operation energies in "
        f"{PUBLISHED_7NM_SOURCE}")
    profile["description"] = (
        f"kappa {kappa['value']:g}: ASAP7 logic scaled to published 7 nm operation energies "
        "(Jouppi et al., ISCA 2021, recalled, not re-verified); SRAM fitted to the same table")


def build(name, base, all_rows, library, clock_fj, lanes_of, provenance):
    """The whole file as a map. Units that are measured for their real operands only are in it, yet
    no coefficient depends on them."""
    rows = {name: row for name, row in all_rows.items() if not activity.is_only_real(row)}
    known = base.get("provenance", {}).get("library", library.name) == library.name
    result = copy.deepcopy(base) if known else foreign(base, rows, library)
    calibrated_kappa(result, rows)
    _, coefficients = fitted(rows)
    coefficients.update(from_library(library, clock_fj, provenance["wire_ff_per_um"]))
    coefficients.update(multiplexer(rows))
    coefficients["mac_saturate_energy_ratio"] = saturation(rows)
    coefficients["flip_flop_toggle_fj"] = register(rows, clock_fj)
    coefficients["logic_leak_nw_per_um2"] = leakage_density(rows)
    coefficients.update(activity.entries(rows, entry))
    if "multiplier_32x32" in rows:
        coefficients["int32_multiply_area_um2"] = entry(
            rows["multiplier_32x32"]["area_um2"], "um2", "cell area of a 32 x 32 multiplier",
            "multiplier_32x32")
    result["coefficients"] = {**result["coefficients"], **coefficients}
    result["width_tables"] = {
        table: unpack_table(rows, *what, lanes_of) for table, what in UNPACK_TABLES.items()}
    return {"name": name, "description": provenance.pop("description"),
            "default_profile": result["default_profile"], "provenance": provenance,
            "coefficients": result["coefficients"], "width_tables": result["width_tables"],
            "profiles": result["profiles"],
            "measurements": {name: {what: int(value) if value == int(value) else value
                                    for what, value in row.items()}
                             for name, row in all_rows.items()}}


def text(content):
    return HEADER + yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=92,
                                   allow_unicode=True)
