# SPDX-License-Identifier: Apache-2.0
"""Tables whose every cell is one run of axesim, for the scripts that make docs/*.md.

A cell's result.json is kept, so that a script can be stopped and started again, and only makes what
is missing.
"""

import argparse
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def parser(description):
    """What every table's script understands."""
    result = argparse.ArgumentParser(description=description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--only", default="", help="cells 'ROW | COLUMN' that match this")
    result.add_argument("--minutes", type=float, default=float("inf"),
                        help="start no new cell after this time")
    return result


def name_of(settings):
    """A folder for the cell; cells of equal settings share one."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def run(settings, out):
    """Runs one cell; returns whether that worked."""
    command = [ROOT / "build/release/axesim", "--config", ROOT / "configs/int8_acc32.yaml",
               "--out", out, "--quiet"]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    return subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0


def measure(cells, common, folder, options, write):
    """Runs what is missing of the cells (row, column, settings), each with the `common` settings
    too, and calls write({(row, column): result}) after each."""
    folder.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + 60 * options.minutes
    found = {}
    for row, column, settings in cells:
        out = folder / name_of(settings)
        wanted = re.search(options.only, f"{row} | {column}") and time.monotonic() < end
        if not (out / "result.json").exists() and wanted:
            print(f"{row} | {column} ...", flush=True)
            if not run({**common, **settings}, out):
                print(f"{row} | {column}: failed", file=sys.stderr)
        if (out / "result.json").exists():
            found[row, column] = json.loads((out / "result.json").read_text())
            write(found)
    return found


def markdown(header, rows):
    """Lines of a table; rows are lists of texts."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---|" * (len(header) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def write_document(name, lines):
    """docs/NAME."""
    path = ROOT / "docs" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
