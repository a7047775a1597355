# SPDX-License-Identifier: Apache-2.0
"""Sweeps: the same table as of single runs, whatever the number of workers and however often they
are killed."""

import contextlib
import csv
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import time

from axesim_cli import CliTestCase, main, minimal_config, program
from synthetic_llama import Shape, write_model, write_tokens

SHAPE = Shape(blocks=2, hidden=64, ffn=128, heads=2, kv_heads=1)
# Two sets of integers, each on three arrays.
GRID = """base: base.yaml
axes:
  accumulator.inner_bits: [14, 16]
  hardware.array.columns: [8, 16, 32]
"""
KILLS = 20


def base_config(folder):
    """The base of GRID; makes its model and text in the folder."""
    write_model(folder / "model", SHAPE)
    tokens = folder / "tokens.npy"
    write_tokens(tokens, 1024)
    return minimal_config(
        *(6, 6, 16, 32),
        quantizer={
            "algorithm": "optq",
            "equalization": "rotation",
            "weight_groups": "power_of_two",
            "bias_correction": True,
            "calibration": {"text": tokens, "sequences": 2, "length": 64},
        },
        workload={
            "model": folder / "model",
            "phases": {"prefill_tokens": 16, "decode_tokens": 2},
            "evaluation": {"text": tokens, "tokens": 128, "context": 64},
        },
    )


class Sweep(CliTestCase):
    def setUp(self):
        super().setUp()
        self.base = self.write("base.yaml", base_config(self.folder))

    def command(self, text, out, *options):
        sweep = self.write("sweep.yaml", text)
        return ["sweep", "--config", sweep, "--out", self.folder / out, *options]

    def table(self, out):
        return (self.folder / out / "sweep.csv").read_text()

    def rows(self, out):
        return list(csv.DictReader(self.table(out).splitlines()))

    def query(self, out, sql):
        with contextlib.closing(sqlite3.connect(self.folder / out / "sweep.sqlite")) as database:
            return database.execute(sql).fetchall()

    def dump(self, out):
        with contextlib.closing(sqlite3.connect(self.folder / out / "sweep.sqlite")) as database:
            return list(database.iterdump())

    def result(self, out, point):
        return json.loads((self.folder / out / "points" / point / "result.json").read_text())

    def finished(self, out):
        """When the result of each point was written."""
        points = (self.folder / out / "points").glob("*/result.json")
        return {path.parent.name: path.stat().st_mtime_ns for path in points}

    def processes(self):
        """Running ones that were told of this test's folder."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:  # it has just ended
                continue
            if any(word.startswith(bytes(self.folder)) for word in words[1:]):
                found.append(int(path.parent.name))
        return found

    def start(self, command):
        return subprocess.Popen(
            [program(), *map(str, command)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def test_points_are_what_single_runs_give(self):
        self.succeed(*self.command(GRID, "out", "--jobs", "2"))
        rows = self.rows("out")
        names = [f"inner_bits={bits},columns={n}" for bits in (14, 16) for n in (8, 16, 32)]
        self.assertEqual([row["point"] for row in rows], names)
        arithmetic = {}
        for row in rows:
            name = row["point"]
            sets = [
                f"accumulator.inner_bits={row['accumulator.inner_bits']}",
                f"hardware.array.columns={row['hardware.array.columns']}",
                f'name="{name}"',
            ]
            options = [word for value in sets for word in ("--set", value)]
            self.succeed("--config", self.base, *options, "--out", self.folder / "one")
            found = self.result("out", name)
            alone = json.loads((self.folder / "one" / "result.json").read_text())
            host, _ = found.pop("host"), alone.pop("host")
            self.assertEqual(found, alone, name)
            self.assertEqual(row["error"], "")
            self.assertEqual(float(row["prefill_cycles"]), alone["timing"]["prefill"]["cycles"])
            self.assertEqual(
                float(row["perplexity_quantized"]), alone["accuracy"]["perplexity_quantized"]
            )
            key = alone["provenance"]["arithmetic_sha256"]
            self.assertEqual(row["arithmetic_sha256"], key)
            arithmetic.setdefault(key, []).append(host["reused"])
        # Of each set of integers one point makes them and evaluates; the float model runs once.
        self.assertEqual(len(arithmetic), 2)
        for reused in arithmetic.values():
            self.assertIn(sorted(reused)[0], ([], ["float_reference"]))
            self.assertEqual(sorted(reused)[1:], [["quantized_layers", "evaluation"]] * 2)
        self.assertEqual(len(list((self.folder / "out" / "cache" / "evaluation").iterdir())), 2)
        self.assertEqual(len(list((self.folder / "out" / "cache" / "float").iterdir())), 1)

    def test_the_table_does_not_depend_on_the_workers(self):
        for jobs in (1, 2, 3):
            self.succeed(*self.command(GRID, f"out{jobs}", "--jobs", jobs))
        self.assertEqual(self.table("out2"), self.table("out1"))
        self.assertEqual(self.table("out3"), self.table("out1"))
        self.assertEqual(self.dump("out2"), self.dump("out1"))
        self.assertEqual(self.dump("out3"), self.dump("out1"))
        # A cache from elsewhere makes no difference; again nothing is run.
        options = ["--cache", self.folder / "out1" / "cache", "--quiet"]
        self.succeed(*self.command(GRID, "out4", *options))
        self.assertEqual(self.table("out4"), self.table("out1"))
        before = self.finished("out4")
        self.assertEqual(self.succeed(*self.command(GRID, "out4", *options)).stderr, "")
        self.assertEqual(self.finished("out4"), before)

    def test_the_database_is_the_table(self):
        self.succeed(*self.command(GRID, "out"))
        rows = self.rows("out")
        columns = ", ".join(f'"{name}"' for name in rows[0])
        found = self.query("out", f"SELECT {columns} FROM points ORDER BY rowid")
        for row, values in zip(rows, found, strict=True):
            for (name, text), value in zip(row.items(), values, strict=True):
                if isinstance(value, (int, float)) and text not in ("true", "false"):
                    self.assertEqual(float(text), value, name)
                else:
                    self.assertEqual(text, {None: "", 0: "false", 1: "true"}.get(value, value))
            name = row["point"]
            energies = f"SELECT energy_j, sqnr_db FROM layers WHERE point = '{name}'"
            layers = self.result("out", name)["layers"]
            expected = [(layer["energy_j"], layer["sqnr_db"]) for layer in layers]
            self.assertEqual(self.query("out", energies), expected)

    def test_what_points_share_does_not_depend_on_the_hardware(self):
        # Codes and results so fine that the last bit of a sum would show.
        fine = ["accumulator.inner_bits=30", "attention.bits=16", "attention.kv_cache_bits=12"]
        fine += ["number_format.output_format=float32", "quantizer.algorithm=naive_round"]

        def run(*sets):
            options = [word for value in [*fine, *sets] for word in ("--set", value)]
            done = self.succeed("--config", self.base, "--format", "json", *options)
            return json.loads(done.stdout)

        def seen(result):
            names = ("name", "rmse", "sqnr_db", "overflow_events", "bound", "observed")
            layers = [{name: layer.get(name) for name in names} for layer in result["layers"]]
            return result["accuracy"], result["overflow"], layers

        base = run()
        for sets in (
            ["dataflow=weight_stationary", "array.columns=8", "array.pipeline_depth=3"],
            ["dataflow=weight_stationary", "buffers.ports=1", "buffers.banks=2"],
            ["buffers.weights_kib=8", "buffers.activations_kib=8", "buffers.outputs_kib=16"],
            ["buffers.double_buffered=false", "buffers.outputs_word_bits=64"],
            ["mapping.tokens=24", "mapping.outputs=20", "mapping.depth=32"],
            ["mapping.outer_loop=activations", "vector_unit.lanes=3", "clock_mhz=77"],
            ["memory_interface.layout=padded_pow2", "memory_interface.bus_bits=64"],
            ["memory_interface.burst_beats=3", "memory_interface.batch_bursts=1"],
            ["memory_interface.transfers=coalesced", "memory_interface.prefetch_tiles=2"],
            ["dram=hbm2_2400", "dram_channels=2", "dram_address_mapping=rochrababgco"],
            ["dram_page_policy=closed", "dram_scheduling=fr_fcfs", "technology=nangate45"],
        ):
            other = run(*("hardware." + value for value in sets))
            self.assertNotEqual(other["config"], base["config"])
            self.assertEqual(seen(other), seen(base), sets)
        # Fewer rows, and fewer scores above the diagonal are computed; no value depends on them.
        for rows in (1, 3, 8):
            other = run(f"hardware.array.rows={rows}")
            self.assertEqual(other["accuracy"], base["accuracy"], rows)

    def test_killed_at_any_moment(self):
        command = self.command(GRID, "whole", "--jobs", "2")
        begin = time.monotonic()
        self.succeed(*command)
        duration = time.monotonic() - begin
        command = self.command(GRID, "cut", "--jobs", "2")
        moments = random.Random(7)
        kills, finished = 0, {}
        while kills < KILLS:
            with self.start(command) as process:
                try:
                    process.wait(timeout=moments.uniform(0.02, 0.5) * duration)
                except subprocess.TimeoutExpired:
                    if kills % 2 == 0:
                        os.killpg(process.pid, signal.SIGKILL)
                    else:
                        process.kill()  # its workers end with it
                    kills += 1
            for _ in range(1000):
                if not self.processes():
                    break
                time.sleep(0.01)
            self.assertEqual(self.processes(), [])
            if process.returncode == 0:
                self.assertEqual(self.table("cut"), self.table("whole"))
                shutil.rmtree(self.folder / "cut")
                finished = {}
                continue
            # What was finished is not done again.
            now = self.finished("cut")
            self.assertEqual({**now, **finished}, now)
            finished = now
        self.succeed(*command)
        self.assertEqual(self.table("cut"), self.table("whole"))
        self.assertEqual(self.dump("cut"), self.dump("whole"))
        now = self.finished("cut")
        self.assertEqual({**now, **finished}, now)

    def test_a_killed_worker_is_a_line(self):
        self.succeed(*self.command(GRID, "whole"))
        command = self.command(GRID, "cut", "--jobs", "1")
        with self.start(command) as process:
            for _ in range(10000):
                workers = [pid for pid in self.processes() if pid != process.pid]
                if workers:
                    break
                time.sleep(0.001)
            os.kill(workers[0], signal.SIGKILL)
            self.assertEqual(process.wait(), 1)
        errors = [row["error"] for row in self.rows("cut")]
        self.assertEqual(errors, ["ended by signal 9, as when memory runs out"] + [""] * 5)
        self.succeed(*command)
        self.assertEqual(self.table("cut"), self.table("whole"))

    def test_a_point_that_fails_is_a_line(self):
        text = """base: base.yaml
axes:
  accumulator.inner_bits: [12]
  quantizer.accumulator_aware: [none]
  accumulator.overflow: [trap, saturate]
"""
        done = self.axesim(*self.command(text, "out"))
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("2 points, 1 failed", done.stdout)
        trapped, saturated = self.rows("out")
        self.assertIn("overflowed at token", trapped["error"])
        self.assertIn("accumulator.overflow is trap", trapped["error"])
        self.assertEqual(trapped["accumulator.overflow"], "trap")
        self.assertEqual(trapped["prefill_cycles"], "")
        self.assertEqual(saturated["error"], "")
        errors = self.query("out", "SELECT error, prefill_cycles IS NULL FROM points")
        self.assertEqual(errors, [(trapped["error"], 1), (None, 0)])
        self.assertGreater(int(saturated["inner_overflow_events"]), 0)
        self.assertEqual(saturated["certified"], "false")

    def test_a_folder_belongs_to_one_sweep(self):
        self.succeed(*self.command(GRID, "out"))
        before = self.finished("out")
        other = GRID.replace("[8, 16, 32]", "[8, 16, 64]")
        self.fail_with(
            2, [self.folder / "out", "another sweep", "--out"], *self.command(other, "out")
        )
        self.succeed(*self.command(other, "out", "--resume"))
        after = self.finished("out")
        self.assertEqual({**after, **before}, after)
        columns = [row["hardware.array.columns"] for row in self.rows("out")]
        self.assertEqual(columns, ["8", "16", "64"] * 2)
        path = self.folder / "out" / "sweep.json"
        content = json.loads(path.read_text())
        content["program_sha256"] = "0"
        path.write_text(json.dumps(content))
        self.fail_with(2, ["another build"], *self.command(other, "out", "--resume"))
        path.write_text("[]")
        self.fail_with(2, [path, "not that of a sweep"], *self.command(other, "out", "--resume"))

    def test_points_may_be_run_one_by_one(self):
        self.succeed(*self.command(GRID, "whole"))
        config = self.folder / "sweep.yaml"
        points = json.loads(self.succeed("sweep", "--config", config, "--list").stdout)
        self.assertEqual([point["name"] for point in points], [r["point"] for r in self.rows("whole")])
        # The first point of a set of integers makes them for the two others.
        first = [points[i]["name"] for i in (0, 3)]
        self.assertEqual([p["after"] for p in points], [[], *[first[:1]] * 2, [], *[first[1:]] * 2])
        for point in reversed(points):
            self.succeed(*self.command(GRID, "parts", "--point", point["name"]))
        self.assertFalse((self.folder / "parts" / "sweep.csv").exists())
        before = self.finished("parts")
        self.succeed(*self.command(GRID, "parts", "--point", points[0]["name"]))
        self.succeed(*self.command(GRID, "parts"))
        self.assertEqual(self.finished("parts"), before)
        self.assertEqual(self.table("parts"), self.table("whole"))
        self.fail_with(2, ["no point other", "--list"], *self.command(GRID, "parts", "--point", "other"))
        # That a point fails is its result, for which nobody need try again.
        text = """base: base.yaml
points:
  - {accumulator.inner_bits: 12, quantizer.accumulator_aware: none, accumulator.overflow: trap}
"""
        (point,) = json.loads(self.succeed(*self.command(text, "failed", "--list")).stdout)
        done = self.succeed(*self.command(text, "failed", "--point", point["name"]))
        self.assertIn("overflowed at token", done.stdout)

    def test_what_is_known_is_not_read_again(self):
        """A point whose values are known runs without the integers, also when they are damaged."""
        self.succeed(*self.command(GRID, "out"))
        for path in (self.folder / "out" / "cache" / "quantized").rglob("*.safetensors"):
            path.write_bytes(b"")
        shutil.rmtree(self.folder / "out" / "points")
        self.succeed(*self.command(GRID, "out"))
        for row in self.rows("out"):
            reused = self.result("out", row["point"])["host"]["reused"]
            self.assertEqual(reused, ["quantized_layers", "evaluation"])

    def test_two_at_once_in_a_folder(self):
        command = self.command(GRID, "out")
        with self.start(command) as process:
            while not (self.folder / "out" / "points").exists():
                self.assertIsNone(process.poll())
                time.sleep(0.001)
            self.fail_with(2, [self.folder / "out", "another axesim sweep"], *command)
            self.assertEqual(process.wait(), 0)

    def test_mistakes_are_found_before_anything_runs(self):
        for text, words in (
            ("axes: {seed: [1]}\n", ["sweep.yaml:1:7: base: is missing"]),
            (GRID + "constrains: []\n", ["sweep.yaml:5:13: constrains", "did you mean constraints?"]),
            (GRID + "points: [{seed: -1}]\n", ["sweep.yaml:5:17: seed: -1 is out of range"]),
            (GRID.replace("14", "4"), ["sweep.yaml:3:3: point inner_bits=4", "do not hold"]),
            (GRID.replace("base.yaml", "bse.yaml"), ["bse.yaml", "no such config file"]),
        ):
            self.fail_with(2, words, *self.command(text, "out"))
        self.assertFalse((self.folder / "out").exists())
        self.fail_with(2, ["nowhere.yaml"], "sweep", "--config", "nowhere.yaml", "--out", "out")


if __name__ == "__main__":
    main()
