# SPDX-License-Identifier: Apache-2.0
"""The workflow on a real Slurm: its table is the local one, also when a node dies in the middle or
the workflow itself is killed."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "cli"))

from axesim_cli import CliTestCase, main, minimal_config, program  # noqa: E402
from slurm_cluster import SlurmCluster, missing  # noqa: E402
from synthetic_llama import Shape, write_model, write_tokens  # noqa: E402

SNAKEMAKE = ROOT / "build" / "snakemake" / "bin" / "snakemake"
# Two sets of integers, and a point that fails by itself.
SWEEP = """base: base.yaml
axes:
  accumulator.inner_bits: [14, 16]
  hardware.array.columns: [8, 16, 32]
points:
  - {accumulator.inner_bits: 12, quantizer.accumulator_aware: none, accumulator.overflow: trap}
"""
POINTS = 6


@unittest.skipIf(missing(), f"not on this machine: {', '.join(missing())}")
@unittest.skipUnless(SNAKEMAKE.exists(), "scripts/setup_cluster has not run")
class Workflow(CliTestCase):
    def setUp(self):
        super().setUp()
        write_model(self.folder / "model", Shape(blocks=2, hidden=64, ffn=128, heads=2, kv_heads=1))
        write_tokens(self.folder / "tokens.npy", 1024)
        tokens = self.folder / "tokens.npy"
        config = minimal_config(
            *(6, 6, 16, 32),
            quantizer={"calibration": {"text": tokens, "sequences": 2, "length": 64}},
            workload={
                "model": self.folder / "model",
                "phases": {"prefill_tokens": 16, "decode_tokens": 2},
                "evaluation": {"text": tokens, "tokens": 128, "context": 64},
            },
        )
        self.write("base.yaml", config)
        self.sweep = self.write("sweep.yaml", SWEEP)
        done = self.axesim("sweep", "--config", self.sweep, "--out", self.folder / "local")
        self.assertEqual(done.returncode, 1, done.stderr)  # of the point that fails
        self.environment = dict(os.environ)

    def command(self, out, *options):
        pairs = {"sweep": self.sweep, "out": self.folder / out, "axesim": program()}
        return [
            *(str(SNAKEMAKE), "-s", str(ROOT / "workflow" / "Snakefile"), *options),
            *("--directory", str(self.folder / "work"), "--rerun-incomplete"),
            *("--config", *(f"{key}={value}" for key, value in pairs.items())),
        ]

    def run_workflow(self, out, *options):
        with open(self.folder / "snakemake.log", "w") as log:
            done = subprocess.run(
                self.command(out, *options), env=self.environment, stdout=log, stderr=log
            )
        self.assertEqual(done.returncode, 0, self.logs())

    def start_workflow(self, out, *options):
        with open(self.folder / "snakemake.log", "w") as log:
            return subprocess.Popen(
                self.command(out, *options),
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def logs(self):
        """What to look at when something went wrong."""
        files = (self.folder / "work" / ".snakemake" / "slurm_logs").rglob("*.log")
        texts = [path.read_text()[-2000:] for path in [self.folder / "snakemake.log", *files]]
        return "\n".join(texts)

    def table(self, out):
        return (self.folder / out / "sweep.csv").read_text()

    def finished(self, out):
        points = (self.folder / out / "points").glob("*/result.json")
        return {path.parent.name: path.stat().st_mtime_ns for path in points}

    def wait_for_points(self, process, out, count):
        while len(self.finished(out)) < count:
            self.assertIsNone(process.poll(), self.logs())
            time.sleep(0.05)

    def test_local_cores(self):
        self.run_workflow("cores", "--cores", "2")
        self.assertEqual(self.table("cores"), self.table("local"))

    def test_slurm(self):
        cluster = SlurmCluster(self.folder)
        self.addCleanup(cluster.stop)
        cluster.start()
        self.environment = cluster.environment
        options = ["--executor", "slurm", "--jobs", "4", "--default-resources", "mem_mb=200"]
        options += ["slurm_partition=main", "runtime=60", "--latency-wait", "20"]
        options += ["--slurm-status-command", "squeue", "--slurm-no-account", "--slurm-requeue"]
        options += ["--slurm-init-seconds-before-status-checks", "2"]

        # Killed in the middle, it goes on with what is there.
        with self.start_workflow("slurm", *options) as process:
            self.wait_for_points(process, "slurm", 1)
            os.killpg(process.pid, signal.SIGKILL)
        before = self.finished("slurm")
        subprocess.run(self.command("slurm", "--unlock"), env=self.environment, check=True)
        # A node dies and does not come back; what ran there runs elsewhere.
        with self.start_workflow("slurm", *options) as process:
            self.wait_for_points(process, "slurm", len(before) + 1)
            cluster.kill_node("node1")
            self.assertEqual(process.wait(timeout=1200), 0, self.logs())
        self.assertEqual(self.table("slurm"), self.table("local"))
        after = self.finished("slurm")
        self.assertEqual(len(after), POINTS)
        self.assertEqual({**after, **before}, after)
        self.assertIn("down", " ".join(cluster.states()))


if __name__ == "__main__":
    main()
