# SPDX-License-Identifier: Apache-2.0
"""SRAM by CACTI 7 (Balasubramonian et al., ACM TACO 14(2), 2017), whose source the Python package
hwcomponents-cacti brings along: fetched by pip, built by make, run for one array at a time."""

import csv
import subprocess
import sys
import zipfile

PACKAGE = "hwcomponents-cacti==1.0.40"
COLUMNS = {  # of CACTI's table: what they are here, and how many of ours are one of theirs
    "Dynamic read energy (nJ)": ("read_pj", 1e3),
    "Dynamic write energy (nJ)": ("write_pj", 1e3),
    "Area (mm2)": ("area_mm2", 1),
    "Standby leakage per bank(mW)": ("leakage_mw", 1),
}
# A RAM of one bank and one port at 350 K; of the organizations at most 20 % slower than the fastest
# one, the one of the least dynamic energy.
SETTINGS = """\
-cache type "ram"
-UCA bank count 1
-associativity 1
-tag size (b) "default"
-read-write port 1
-exclusive read port 0
-exclusive write port 0
-single ended read ports 0
-operating temperature (K) 350
-access mode (normal, sequential, fast) - "fast"
-design objective (weight delay, dynamic power, leakage power, cycle time, area) 0:100:0:0:0
-deviate (delay, dynamic power, leakage power, cycle time, area) 20:100000:100000:100000:100000
-Optimize ED or ED^2 (ED, ED^2, NONE): "ED^2"
"""
REPLACED = ("-size (bytes)", "-block size", "-technology", "-output/input bus", "-UCA bank",
            "-cache type", "-tag size", "-associativity", "-read-write port", "-exclusive",
            "-single ended", "-operating temperature", "-access mode", "-design objective",
            "-deviate", "-Optimize", "-Data array", "-Tag array", "-page size")


class Cacti:
    """The program in `folder`, where it is put unless it is there."""

    package = PACKAGE

    def __init__(self, folder):
        self.folder = folder.resolve()
        self.source = self.folder / "hwcomponents_cacti/cacti"
        self.program = self.source / "built"
        if not self.program.exists():
            self.install()

    def install(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        # The package asks for a newer Python than Debian 12 has; none of its Python runs here.
        run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--python-version",
             "3.12", "--only-binary", ":all:", "--dest", self.folder, PACKAGE])
        (wheel,) = self.folder.glob("hwcomponents_cacti-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(self.folder)
        run(["make", "-s", "-C", self.source, "-f", "cacti.mk", "clean", "TAG=opt"])
        (self.source / "obj_opt").mkdir(exist_ok=True)
        run(["make", "-s", "-C", self.source, "-f", "cacti.mk", "TAG=opt", "NTHREADS=1"])
        (self.source / "obj_opt/cacti").replace(self.program)

    def point(self, kib, word_bits, node_nm=22, cells="itrs-lop"):
        """{read_pj, write_pj, area_mm2, leakage_mw} of an array of words that wide."""
        name = f"{cells}_{node_nm}nm_{kib}kib_{word_bits}b"
        table = self.folder / f"{name}.out"
        if not table.exists():
            template = (self.folder / "hwcomponents_cacti/default_cfg.cfg").read_text()
            kept = [line for line in template.splitlines() if not line.startswith(REPLACED)]
            chosen = [f"-size (bytes) {kib * 1024}", f"-block size (bytes) {word_bits // 8}",
                      f"-output/input bus width {word_bits}", f"-technology (u) {node_nm / 1000}",
                      f'-Data array cell type - "{cells}"',
                      f'-Data array peripheral type - "{cells}"',
                      f'-Tag array cell type - "{cells}"',
                      f'-Tag array peripheral type - "{cells}"', "-page size (bits) 8192"]
            # CACTI writes its table beside what it reads, with .out at the end.
            config = self.folder / name
            config.write_text("\n".join(kept + chosen) + "\n" + SETTINGS)
            run([self.program, "-infile", config], cwd=self.source, stdout=subprocess.DEVNULL)
        with table.open(encoding="utf-8") as lines:
            row = list(csv.DictReader(lines, skipinitialspace=True))[-1]
        return {what: float(row[column]) * factor for column, (what, factor) in COLUMNS.items()}


def run(command, **options):
    subprocess.run([*map(str, command)], check=True, **options)
