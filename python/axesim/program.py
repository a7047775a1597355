# SPDX-License-Identifier: Apache-2.0
"""The axesim program as functions."""

import json
import os
import pathlib
import shutil
import subprocess

from axesim.results import load_run, load_sweep


class AxesimError(RuntimeError):
    """The program's message; `status` is its exit status (2: something for the user to mend)."""

    def __init__(self, message, status):
        super().__init__(message)
        self.status = status


def run(config, out, sets=None, cache=None):
    """Simulates the design point of a config, with other values of some keys, as in
    {"accumulator.inner_bits": 14}; returns its result (load_run). The folder `out` keeps all of it,
    `cache` what other runs may share."""
    more = [] if cache is None else ["--cache", cache]
    _call("--config", config, "--out", out, "--quiet", *_options(sets), *more)
    return load_run(out)


def sweep(config, out, sets=None, jobs=0, allow_failures=False):
    """Simulates all points of a sweep's file; returns their table (load_sweep). Goes on where an
    earlier call with the same arguments was cut short. Points that fail are an error when all
    others are done, unless `allow_failures`: then they are rows with an `error`."""
    done = (0, 1) if allow_failures else (0,)
    _call("sweep", "--config", config, "--out", out, "--jobs", jobs, "--quiet", *_options(sets),
          allowed=done)
    return load_sweep(out)


def _options(sets):
    """Values as YAML, of which JSON is a part; text stays as it is."""
    for key, value in (sets or {}).items():
        yield "--set"
        yield f"{key}={value if isinstance(value, str) else json.dumps(value)}"


def _program():
    named = os.environ.get("AXESIM_PROGRAM") or shutil.which("axesim")
    if named:
        return named
    here = pathlib.Path.cwd()
    for folder in (here, *here.parents):
        built = folder / "build" / "release" / "axesim"
        if built.is_file():
            return str(built)
    hint = "set AXESIM_PROGRAM, or build it with scripts/quickstart"
    raise AxesimError(f"no axesim program: {hint}", 2)


def _call(*arguments, allowed=(0,)):
    command = [_program(), *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          errors="replace", check=False)
    if done.returncode not in allowed:
        message = (done.stderr or done.stdout).strip() or f"ended with status {done.returncode}"
        raise AxesimError(message, done.returncode)
