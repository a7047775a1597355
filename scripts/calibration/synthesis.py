# SPDX-License-Identifier: Apache-2.0
"""Synthesis of one module of rtl/ by yosys and abc."""

import os
import pathlib
import re
import subprocess

RTL = pathlib.Path(__file__).resolve().parents[2] / "rtl"


def sources():
    """Packages first."""
    return [RTL / "layouts.sv"] + sorted(p for p in RTL.glob("**/*.sv") if p.name != "layouts.sv")


def version():
    """As in "Yosys 0.23"; its abc is the one that it was built with."""
    text = subprocess.run(["yosys", "-V"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return " ".join(text.split()[:2])


def tie_cells(library):
    high, low = library.by_function("1"), library.by_function("0")
    if not high or not low:
        return ""
    return (f"hilomap -hicell {high[0].name} {high[0].outputs[0].name} "
            f"-locell {low[0].name} {low[0].outputs[0].name}; ")


def parameter(name, value):
    return f'-set {name} "{value}"' if isinstance(value, str) else f"-set {name} {int(value)}"


def synthesize(top, parameters, library, liberty, folder, delay_ps, load_ff):
    """Writes folder/netlist.json; returns the area (um2) that yosys counts. `liberty` is a plain
    file; abc aims at `delay_ps`."""
    buffer = library.by_function("A")[0].name
    # In the library's own units, which abc does not convert.
    (folder / "constraints").write_text(
        f"set_driving_cell {buffer}\nset_load {load_ff}\n")
    chosen = " ".join(parameter(*item) for item in parameters.items())
    files = " ".join(os.path.relpath(path, folder) for path in sources())
    script = (
        f"read_verilog -sv {files}\n"
        f"chparam {chosen} {top}\n"
        f"hierarchy -check -top {top}\n"
        "synth -flatten\n"
        f"dfflibmap -liberty {liberty}\n"
        f"abc -liberty {liberty} -constr constraints -D {delay_ps:g}\n"
        "opt_clean -purge\n" + tie_cells(library) + "\n"
        f"tee -o statistics stat -liberty {liberty}\n"
        "write_json netlist.json\n")
    (folder / "script.ys").write_text(script)
    done = subprocess.run(["yosys", "-q", "-s", "script.ys"], cwd=folder, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise RuntimeError(f"yosys failed on {top}:\n{done.stdout[-2000:]}")
    area = re.search(r"Chip area for module.*: ([\d.]+)", (folder / "statistics").read_text())
    return float(area[1])
