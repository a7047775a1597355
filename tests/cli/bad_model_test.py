# SPDX-License-Identifier: Apache-2.0
"""Bad inputs that are seen only once the real model is there, and runs that end early."""

import os
import signal
import subprocess
import time

from axesim_cli import ROUND_ONLY, CliTestCase, main, model_file, needs_model, program


@needs_model
class BadModelOrText(CliTestCase):
    def refuse(self, status, words, *settings):
        config = self.write("round.yaml", ROUND_ONLY)
        arguments = [part for setting in settings for part in ("--set", setting)]
        out = self.folder / "out"
        self.fail_with(status, words, "--config", config, "--out", out, "--quiet", *arguments)
        self.assertEqual(list(out.iterdir()) if out.is_dir() else [], [])

    def test_truncated_model(self):
        path = self.folder / "cut.gguf"
        with open(model_file(), "rb") as whole:
            path.write_bytes(whole.read(1 << 20))
        self.refuse(2, [path], f"workload.model={path}")

    def test_model_without_its_last_bytes(self):
        # A copy of the same length is not needed: the file's end may be a hole.
        path = self.folder / "cut.gguf"
        with open(model_file(), "rb") as whole:
            path.write_bytes(whole.read(8 << 20))
        os.truncate(path, model_file().stat().st_size - 1)
        self.refuse(2, [path], f"workload.model={path}")

    def test_text_too_short(self):
        path = self.write("short.txt", "Only a few words.")
        self.refuse(2, ["token"], f"workload.evaluation.text={path}")

    def test_text_that_is_not_utf8(self):
        path = self.write("latin1.txt", "gr\xfc\xdfe ".encode("latin-1") * 1000)
        self.refuse(2, [path, "UTF-8"], f"workload.evaluation.text={path}")

    def test_text_that_is_not_there(self):
        path = self.folder / "none.txt"
        self.refuse(2, [path], f"workload.evaluation.text={path}")

    def test_calibration_text_too_short(self):
        path = self.write("short.txt", "Only a few words.")
        algorithm = "quantizer.algorithm=optq"
        self.refuse(2, ["token"], algorithm, f"quantizer.calibration.text={path}")


@needs_model
class EndsEarly(CliTestCase):
    def test_killed_run_leaves_no_result(self):
        config = self.write("round.yaml", ROUND_ONLY)
        much = ["--set", "workload.evaluation.tokens=4096"]  # a multiple of the longest delay
        for delay in (0.3, 3.0):
            out = self.folder / f"out{delay}"
            process = subprocess.Popen(
                [program(), "--config", str(config), "--out", str(out), "--quiet", *much],
                stdout=subprocess.DEVNULL,
            )
            while not out.is_dir() and process.poll() is None:
                time.sleep(0.01)
            time.sleep(delay)
            self.assertIsNone(process.poll(), "ended before it could be killed")
            process.send_signal(signal.SIGKILL)
            process.wait()
            self.assertEqual(list(out.iterdir()), [])


if __name__ == "__main__":
    main()
