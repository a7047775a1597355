# SPDX-License-Identifier: Apache-2.0
"""Synthesis of one module of rtl/ by yosys and abc."""

import os
import pathlib
import re
import subprocess

RTL = pathlib.Path(__file__).resolve().parents[2] / "rtl"


def sources(top):
    """Files of a module and of all that it is made of, packages first. A file holds one module or
    package, whose name it has."""
    files = {path.stem: path for path in RTL.glob("**/*.sv")}
    found, open_names = set(), [top]
    while open_names:
        name = open_names.pop()
        found.add(name)
        words = set(re.findall(r"\w+", files[name].read_text()))
        open_names += sorted(words & files.keys() - found)
    return [files[name] for name in sorted(found, key=lambda name: (name != "layouts", name))]


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
    files = " ".join(os.path.relpath(path, folder) for path in sources(top))
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
