# SPDX-License-Identifier: Apache-2.0
"""Tables whose every cell is one run of axesim, for the scripts that make docs/*.md.

The figures of measured cells are kept in docs/NAME.json, so that a script can be stopped, started
again or continued on another machine, and only makes what is missing. To measure a cell anew, take
it out of that file.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def parser(description):
    """What every table's script understands."""
    result = argparse.ArgumentParser(description=description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--only", default="", help="cells 'ROW | COLUMN' that match this")
    result.add_argument("--minutes", type=float, default=float("inf"),
                        help="start no new cell after this time")
    result.add_argument("--jobs", type=int, default=os.cpu_count(),
                        help="cells at the same time, one thread each (default: all cores)")
    return result


def set_options(settings):
    """These {key: value} as options of axesim."""
    return [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]


def run(settings, out):
    """Runs one design point, sharing what it can with others; returns its result or, of a run that
    failed, what it said."""
    command = [ROOT / "build/release/axesim", "--config", ROOT / "configs/int8_acc32.yaml",
               "--out", out, "--cache", ROOT / "results/cache", "--quiet", "--threads", "1",
               *set_options(settings)]
    finished = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if finished.returncode != 0:
        return finished.stderr.strip()
    return json.loads((out / "result.json").read_text())


def processor():
    """Its name, and whether it has the instruction that integer GEMMs on x86 live on."""
    info = pathlib.Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    fields = dict(reversed([map(str.strip, line.split(":", 1)) for line in lines if ":" in line]))
    vnni = "with" if "avx512_vnni" in fields.get("flags", "") else "without"
    return f"{fields.get('model name', platform.machine())}, {vnni} AVX-512 VNNI"


def write_text(path, text):
    """All of it or nothing."""
    path.parent.mkdir(exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    part.replace(path)


def measure(cells, common, name, figures, options, write, figures_of_failure=None):
    """Runs what is missing of the cells (row, column, settings), each with the `common` settings
    too; keeps figures(result) of each in docs/NAME.json and calls write(found) with all of them,
    {(row, column): figures}, after each run. Of a run that failed figures_of_failure(message) are
    kept, unless it is None or returns None. Returns their number."""
    store = ROOT / "docs" / f"{name}.json"
    kept = json.loads(store.read_text()) if store.exists() else {}
    end = time.monotonic() + 60 * options.minutes
    lock = threading.Lock()
    alike = {}  # one run serves all cells with the same settings
    for row, column, settings in cells:
        settings = {**common, **settings}
        key = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()
        alike.setdefault(key[:16], (settings, []))[1].append((row, column))

    def keep(places, measured):
        with lock:
            kept.update({f"{row} | {column}": measured for row, column in places})
            write_text(store, json.dumps(kept, indent=1, sort_keys=True) + "\n")
            write_document()

    def write_document():
        found = {place: kept[" | ".join(place)] for _, places in alike.values()
                 for place in places if " | ".join(place) in kept}
        write_text(ROOT / "docs" / f"{name}.md", "\n".join(write(found)).rstrip("\n") + "\n")
        return len(found)

    def measure_one(key, settings, places):
        if time.monotonic() > end:
            return
        print(f"{' | '.join(places[0])} ...", flush=True)
        result = run(settings, ROOT / "results" / name / key)
        if isinstance(result, str):
            print(f"{' | '.join(places[0])} failed: {result}", file=sys.stderr)
            measured = figures_of_failure(result) if figures_of_failure else None
        else:
            measured = figures(result)
        if measured is not None:
            keep(places, measured)

    running = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as jobs:
        for key, (settings, places) in alike.items():
            names = [" | ".join(place) for place in places]
            if any(re.search(options.only, cell) for cell in names):
                if not all(cell in kept for cell in names):
                    running.append(jobs.submit(measure_one, key, settings, places))
    for job in running:
        job.result()  # raises what went wrong there
    return write_document()


def markdown(header, rows):
    """Lines of a table; rows are lists of texts."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---|" * (len(header) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]
