# SPDX-License-Identifier: Apache-2.0
"""What is wrong with options, configs and files: one line, the right status, nothing left behind.
None of these needs the model."""

import signal
import struct
import subprocess
import sys
import time

import numpy as np

from axesim_cli import ROOT, CliTestCase, main, minimal_config, program

GOOD = minimal_config(4, 4, 16, 8)


def gguf_text(text):
    return struct.pack("<Q", len(text)) + text.encode()


def gguf_of(architecture):
    """A GGUF file of no tensors and one entry that says the architecture."""
    kind_of_text = struct.pack("<I", 8)
    entry = gguf_text("general.architecture") + kind_of_text + gguf_text(architecture)
    return b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + entry


class Options(CliTestCase):
    def test_unknown(self):
        self.fail_with(2, ["--tread", "--threads"], "--config", "x.yaml", "--tread", "3")
        self.fail_with(2, ["quantise", "quantize"], "quantise", "--config", "x.yaml")
        self.fail_with(2, ["--format", "xml"], "--config", "x.yaml", "--format", "xml")
        self.fail_with(2, ["--threads", "-1"], "--config", "x.yaml", "--threads=-1")

    def test_missing(self):
        self.fail_with(2, ["--config"], "--quiet")
        self.fail_with(2, ["--config"], "--config")
        self.fail_with(2, ["--weights"], "gemm", "--config", "x.yaml", "--activations", "x.npy")
        self.fail_with(2, ["accumulator.iner_bits"], "explain", "accumulator.iner_bits")

    def test_no_such_export(self):
        self.fail_with(2, [self.folder / "none"], "verify", self.folder / "none")

    def test_standard_output_is_full(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            self.fail_with(1, ["standard output"], "explain", stdout=full)


class Configs(CliTestCase):
    def config(self, text, status, *words):
        path = self.write("bad.yaml", text)
        return self.fail_with(
            *(status, [path, *words], "--config", path, "--quiet"),
            *("--out", self.folder / "out"),
        )

    def tearDown(self):
        self.assertFalse((self.folder / "out").exists(), "a bad config made --out")

    def test_missing_file(self):
        self.fail_with(
            *(2, [self.folder / "none.yaml"], "--config", self.folder / "none.yaml"),
            *("--out", self.folder / "out"),
        )

    def test_not_yaml(self):
        self.config("number_format: {weight_bits: 4\naccumulator: [", 2, "bad.yaml:2")
        self.config(b"\xff\xfe\x00name: 3", 2)
        self.config("", 2, "empty", "number_format", "accumulator")
        self.config("accumulator: {inner_bits: 9, tile_size: 4}", 2, "number_format.weight_bits")
        self.config("just text", 2)

    def test_unknown_key(self):
        self.config(GOOD + "quantizer: {algoritm: optq}\n", 2, "bad.yaml:3", "quantizer.algorithm")
        self.config(GOOD + "hardwear: {}\n", 2, "bad.yaml:3", "did you mean hardware")

    def test_widths(self):
        for bits in (1, 17, "six", 4.5):
            key = "number_format.weight_bits"
            self.config(minimal_config(bits, 4, 32, 8), 2, "bad.yaml:1:", key, "2..16", bits)
            key = "number_format.activation_bits"
            self.config(minimal_config(4, bits, 32, 8), 2, "bad.yaml:1:", key, "2..16", bits)

    def test_accumulator(self):
        self.config(minimal_config(6, 6, 11, 8), 2, "bad.yaml:2:", "accumulator.inner_bits", 12)
        self.config(minimal_config(6, 6, 16, 0), 2, "bad.yaml:2:", "accumulator.tile_size")
        lanes = {"array": {"lanes": 3}}
        text = minimal_config(6, 6, 16, 8, hardware=lanes)
        self.config(text, 2, "bad.yaml:3:", "hardware.array.lanes", "tile_size")

    def test_wrong_choice(self):
        text = GOOD + "quantizer: {algorithm: optk}\n"
        self.config(text, 2, "bad.yaml:3:", "quantizer.algorithm", "gpfq", "optq")

    def test_override(self):
        path = self.write("good.yaml", GOOD)
        for override, word in (
            ("accumulator.iner_bits=3", "accumulator.inner_bits"),
            ("accumulator.inner_bits=99", "2..48"),
            ("accumulator.inner_bits", "="),
        ):
            self.fail_with(2, ["--set", word], "--config", path, "--set", override)

    def test_tables(self):
        for key in ("hardware.dram", "hardware.technology", "hardware.cost_profile"):
            section, name = key.split(".")
            text = GOOD + f"{section}: {{{name}: nonesuch}}\n"
            self.config(text, 2, "bad.yaml:3:", key, "nonesuch")

    def test_buffers_too_small(self):
        np.save(self.folder / "x.npy", np.zeros((64, 4096), np.int64))
        np.save(self.folder / "w.npy", np.zeros((64, 4096), np.int64))
        refused = []
        for name in ("weights", "activations", "outputs"):
            path = self.write("design.yaml", GOOD)
            done = self.axesim(
                *("gemm", "--config", path, "--activations", self.folder / "x.npy"),
                *("--weights", self.folder / "w.npy", "--output", self.folder / "y.npy"),
                *("--set", f"hardware.buffers.{name}_kib=1"),
                *("--set", "hardware.array={rows: 1024, columns: 1024}"),
            )
            # Short tiles of K may fit 1 KiB of operands, but 1024 x 1024 outputs do not.
            if done.returncode != 0:
                refused.append(name)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn("hardware.buffers", done.stderr)
                self.assertIn(f"KiB of {name}", done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertFalse((self.folder / "y.npy").exists())
            (self.folder / "y.npy").unlink(missing_ok=True)
        self.assertIn("outputs", refused)


class Files(CliTestCase):
    def test_results_to_compare_with(self):
        config = self.write("good.yaml", GOOD)
        folder = self.folder / "other"
        self.fail_with(2, ["other/result.json"], "--config", config, "--against", folder)
        folder.mkdir()
        for text in ("", "{", "[]", "{}", '{"schema": "axesim.result/0"}', '{"schema": 1}'):
            (folder / "result.json").write_text(text)
            self.fail_with(2, ["other/result.json", "no result", "axesim.result/1"], "--config",
                           config, "--against", folder)

    def run_model(self, status, words, model, out=None):
        path = self.write("good.yaml", GOOD)
        out = out or self.folder / "out"
        self.fail_with(
            *(status, words, "--config", path, "--set", f"workload.model={model}"),
            *("--out", out, "--quiet"),
        )
        if out.is_dir():
            self.assertEqual(list(out.iterdir()), [])

    def test_model_files(self):
        path = self.folder / "model.gguf"
        self.run_model(2, [path], path)
        for content, word in (
            (b"", ""),
            (b"GGUF" + bytes(96), ""),
            (bytes(range(100)), ""),
            (gguf_of("gpt2"), "gpt2"),
            (gguf_of("llama")[:40], ""),
            (gguf_of("llama"), "llama."),
        ):
            path.write_bytes(content)
            with self.subTest(content=content[:40]):
                self.run_model(2, [path, word], path)

    def test_unknown_model_name(self):
        self.run_model(2, ["smolm2-135m", "smollm2-135m"], "smolm2-135m")

    def test_unwritable_out(self):
        model = self.write("model.gguf", b"")
        below_a_file = self.write("file", b"keep me") / "out"
        for out in (below_a_file, self.folder / "file"):
            self.run_model(2, [out, "--out"], model, out)
        self.assertEqual((self.folder / "file").read_bytes(), b"keep me")
        # Root may write anywhere, but /proc takes no folders.
        path = self.write("good.yaml", GOOD)
        self.fail_with(2, ["/proc/nope", "--out"], "--config", path, "--out", "/proc/nope")

    def test_unwritable_output(self):
        np.save(self.folder / "x.npy", np.zeros((2, 8), np.int64))
        config = self.write("good.yaml", GOOD)
        target = self.write("file", b"keep me") / "y.npy"
        self.fail_with(
            *(1, [target], "gemm", "--config", config, "--activations", self.folder / "x.npy"),
            *("--weights", self.folder / "x.npy", "--output", target),
        )
        self.assertEqual((self.folder / "file").read_bytes(), b"keep me")

    def test_damaged_wheel(self):
        cache = self.folder / "cache"
        wheel = self.write("wheel.whl", b"PK\x03\x04" + bytes(1000))
        done = subprocess.run(
            [sys.executable, "-B", str(ROOT / "scripts" / "fetch_model"), "--wheel", str(wheel)],
            env={"AXESIM_CACHE": str(cache), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn("SHA-256", done.stderr)
        self.assertIn(str(wheel), done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertFalse(cache.exists())

    def test_killed_gemm_leaves_no_half_output(self):
        np.save(self.folder / "x.npy", np.ones((700, 64), np.int64))
        np.save(self.folder / "w.npy", np.ones((700, 64), np.int64))
        config = self.write("good.yaml", GOOD)
        target = self.folder / "y.npy"
        command = ["gemm", "--config", config, "--activations", self.folder / "x.npy"]
        command += ["--weights", self.folder / "w.npy", "--output", target]
        begin = time.monotonic()
        self.succeed(*command)
        duration = time.monotonic() - begin
        target.unlink()
        for share in np.linspace(0.1, 1.1, 12):
            process = subprocess.Popen([program(), *map(str, command)], stdout=subprocess.DEVNULL)
            try:
                process.wait(timeout=share * duration)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
            if target.exists():
                np.testing.assert_array_equal(np.load(target), np.full((700, 700), 64))
                target.unlink()


if __name__ == "__main__":
    main()
