# SPDX-License-Identifier: Apache-2.0
"""Runs that are cut short while they quantize and go on after the last finished block."""

import signal
import subprocess
import time

from axesim_cli import CliTestCase, main, minimal_config, program
from synthetic_llama import Shape, write_model, write_tokens

BLOCKS = 6
SHAPE = Shape(blocks=BLOCKS, hidden=256, ffn=768, heads=4, kv_heads=2)


class Resume(CliTestCase):
    def setUp(self):
        super().setUp()
        write_model(self.folder / "model", SHAPE)
        write_tokens(self.folder / "tokens.npy", 1024)

    def design(self, name="design.yaml", **quantizer):
        tokens = self.folder / "tokens.npy"
        options = {
            "algorithm": "optq",
            "equalization": "rotation",
            "calibration": {"text": tokens, "sequences": 2, "length": 64},
        }
        config = minimal_config(
            *(6, 6, 16, 64),
            quantizer={**options, **quantizer},
            workload={
                "model": self.folder / "model",
                "phases": {"prefill_tokens": 4, "decode_tokens": 0},
                "evaluation": {"text": tokens, "tokens": 64, "context": 32},
            },
        )
        return self.write(name, config)

    def run_command(self, config, out):
        return ["--config", config, "--out", self.folder / out, "--export-weights"]

    def quantize_command(self, config, out):
        return ["quantize", "--config", config, "--out", self.folder / out]

    def partial(self, out):
        return self.folder / out / "quantize.partial"

    def block_file(self, out, block):
        return self.partial(out) / f"block_{block:05}.safetensors"

    def cut_short(self, command, out, block, how=signal.SIGKILL, delay=0.0):
        """Ends the run `delay` seconds after it has stored `block`."""
        with subprocess.Popen(
            [program(), *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            while not self.block_file(out, block).exists():
                self.assertIsNone(process.poll(), "ended before it could be cut short")
                time.sleep(0.002)
            time.sleep(delay)
            process.send_signal(how)
            process.wait()
        self.assertTrue(self.partial(out).is_dir())
        self.assertFalse((self.folder / out / "result.json").exists())

    def resume(self, command, words):
        done = self.succeed(*command)
        for word in words:
            self.assertIn(word, done.stderr)
        return done

    def assert_same_results(self, out, expected):
        """All files but the host section of result.json, which is its last."""

        def contents(name):
            folder = self.folder / name
            texts = {path.name: path.read_bytes() for path in folder.iterdir()}
            if "result.json" in texts:
                text = texts["result.json"]
                texts["result.json"] = text[: text.index(b'\n  "host": {')]
            return texts

        found, wanted = contents(out), contents(expected)
        self.assertEqual(found.keys(), wanted.keys())
        for name, content in wanted.items():
            self.assertEqual(found[name], content, name)

    def test_killed_at_any_moment(self):
        config = self.design()
        self.succeed(*self.run_command(config, "whole"))
        self.assertIn("result.json", [path.name for path in (self.folder / "whole").iterdir()])
        command = self.run_command(config, "cut")
        self.cut_short(command, "cut", 0)
        self.cut_short(command, "cut", 2, how=signal.SIGINT, delay=0.01)
        # All blocks are there: only the simulation is left to do.
        self.cut_short(command, "cut", BLOCKS - 1)
        self.resume([*command, "--threads", "1"], [f"resumed after block {BLOCKS} of {BLOCKS}"])
        self.assert_same_results("cut", "whole")
        # Nothing of a finished run is used again.
        self.assertNotIn("resumed", self.succeed(*command).stderr)

    def test_the_float_stream_static_ranges_and_smoothing(self):
        config = self.design(
            algorithm="gpfq",
            equalization="smoothquant",
            activations={"granularity": "per_tensor"},
            refine_sweeps=1,
        )
        self.succeed(*self.quantize_command(config, "whole"))
        command = self.quantize_command(config, "cut")
        self.cut_short(command, "cut", 1)
        self.resume(command, ["quantize and certify: resumed after block "])
        self.assert_same_results("cut", "whole")

    def test_damaged_files_are_made_again(self):
        config = self.design()
        self.succeed(*self.quantize_command(config, "whole"))
        command = self.quantize_command(config, "cut")
        self.cut_short(command, "cut", 4)
        damaged = self.block_file("cut", 3)
        content = bytearray(damaged.read_bytes())
        content[-100] ^= 1
        damaged.write_bytes(content)
        self.cut_short(command, "cut", 4)  # it is there already: cut short at once
        self.resume(command, [f"resumed after block 3 of {BLOCKS}"])
        self.assert_same_results("cut", "whole")
        # Without the hidden state the finished blocks are passed through again.
        self.cut_short(self.quantize_command(config, "cut2"), "cut2", 2)
        state = self.partial("cut2") / "state.safetensors"
        state.write_bytes(state.read_bytes()[:-1])
        self.resume(self.quantize_command(config, "cut2"), ["resumed after block "])
        self.assert_same_results("cut2", "whole")

    def test_another_config_or_model_starts_anew(self):
        self.cut_short(self.quantize_command(self.design(), "cut"), "cut", 1)
        other = self.design("other.yaml", damping=0.02)
        command = self.quantize_command(other, "cut")
        self.succeed(*self.quantize_command(other, "whole"))
        done = self.resume(command, ["config.quantizer.damping differs", "starts anew"])
        self.assertNotIn("resumed", done.stderr)
        self.assertIn("certified", done.stdout)
        self.assertEqual(
            (self.folder / "cut" / "quantized.safetensors").read_bytes(),
            (self.folder / "whole" / "quantized.safetensors").read_bytes(),
        )
        self.cut_short(self.quantize_command(other, "cut2"), "cut2", 1)
        weights = self.folder / "model" / "model.safetensors"
        content = bytearray(weights.read_bytes())
        content[-1] ^= 1
        weights.write_bytes(content)
        self.resume(self.quantize_command(other, "cut2"), ["model_sha256 differs", "starts anew"])

    def test_full_disk(self):
        disk = self.folder / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
        if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            self.skipTest("no tmpfs can be mounted here")
        self.addCleanup(subprocess.run, ["umount", str(disk)], check=True)
        config = self.design()
        self.succeed(*self.quantize_command(config, "whole"))
        command = self.quantize_command(config, "disk/out")
        words = [self.folder / "disk" / "out", "No space left"]
        self.fail_with(1, words, *command, "--quiet")
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        self.resume(command, ["resumed after block "])
        self.assert_same_results("disk/out", "whole")


if __name__ == "__main__":
    main()
