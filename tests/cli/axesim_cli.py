# SPDX-License-Identifier: Apache-2.0
"""What every test of the command line shares: running the program, configs, the real model.

The program is $AXESIM_PROGRAM, which ctest sets. A test that needs something that is not on this
machine skips itself; main() then ends with status 77, so that ctest shows the file as skipped.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED_DATA = ROOT.parent / "shared" / "data"
MODEL_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SKIPPED = 77


def program():
    return os.environ.get("AXESIM_PROGRAM", str(ROOT / "build" / "release" / "axesim"))


def model_file():
    """The default model where axesim looks for it (common/files.h), or None."""
    if os.environ.get("AXESIM_CACHE"):
        cache = pathlib.Path(os.environ["AXESIM_CACHE"])
    elif os.environ.get("XDG_CACHE_HOME"):
        cache = pathlib.Path(os.environ["XDG_CACHE_HOME"]) / "axesim"
    else:
        cache = pathlib.Path.home() / ".cache" / "axesim"
    return cache / MODEL_NAME if (cache / MODEL_NAME).is_file() else None


needs_model = unittest.skipUnless(model_file(), f"{MODEL_NAME} is not in the cache")


def needs_shared(name):
    return unittest.skipUnless((SHARED_DATA / name).exists(), f"../shared/data/{name} is not there")


def minimal_config(weight_bits, activation_bits, inner_bits, tile_size, **sections):
    """A config as text; a keyword is a section, its value a dict: quantizer={"algorithm": ...}."""
    accumulator = {"inner_bits": inner_bits, "tile_size": tile_size}
    accumulator.update(sections.pop("accumulator", {}))
    config = {
        "number_format": {"weight_bits": weight_bits, "activation_bits": activation_bits},
        "accumulator": accumulator,
    }
    config.update(sections)
    return "".join(f"{name}: {flow(value)}\n" for name, value in config.items())


def flow(value):
    """YAML in flow style."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


# Rounding at 32 bits: no calibration, nothing overflows.
ROUND_ONLY = minimal_config(
    *(8, 8, 32, "monolithic"),
    quantizer={"algorithm": "naive_round", "accumulator_aware": "none"},
    workload={
        "phases": {"prefill_tokens": 1, "decode_tokens": 0},
        "evaluation": {"tokens": 64, "context": 32},
    },
)


class CliTestCase(unittest.TestCase):
    """Each test has a folder of its own, gone afterwards."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="axesim-cli-")
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def axesim(self, *arguments, **options):
        command = [program(), *map(str, arguments)]
        options.setdefault("stdout", subprocess.PIPE)
        return subprocess.run(
            command, stderr=subprocess.PIPE, text=True, errors="replace", check=False, **options
        )

    def succeed(self, *arguments):
        done = self.axesim(*arguments)
        self.assertEqual(done.returncode, 0, f"{arguments}: {done.stderr}")
        self.assertNotIn("internal error", done.stderr)
        return done

    def fail_with(self, status, words, *arguments, **options):
        """One line on stderr, the status, and each of the words in the line."""
        done = self.axesim(*arguments, **options)
        context = f"{arguments}: status {done.returncode}, {done.stderr!r}"
        self.assertEqual(done.returncode, status, context)
        self.assertEqual(len(done.stderr.splitlines()), 1, context)
        self.assertTrue(done.stderr.endswith("\n"), context)
        self.assertNotIn("internal error", done.stderr, context)
        for word in words:
            self.assertIn(str(word), done.stderr, context)
        return done.stderr


def main():
    outcome = unittest.main(exit=False, verbosity=2).result
    if not outcome.wasSuccessful():
        sys.exit(1)
    for test, reason in outcome.skipped:
        print(f"SKIPPED {test}: {reason}", file=sys.stderr)
    sys.exit(SKIPPED if outcome.skipped else 0)
