# SPDX-License-Identifier: Apache-2.0
"""An export that does not fit on its disk. Needs the right to mount a small one."""

import subprocess

from axesim_cli import ROUND_ONLY, CliTestCase, main, needs_model

# Room for the 135 M weights as they wait on disk, two bytes each, but not for their export too.
FREE_MIB = 300


@needs_model
class FullDisk(CliTestCase):
    def test_export_to_a_full_disk(self):
        disk = self.folder / "disk"
        disk.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={FREE_MIB}m", "tmpfs", str(disk)],
            capture_output=True,
            check=False,
        )
        if mounted.returncode != 0:
            self.skipTest("no tmpfs can be mounted here")
        self.addCleanup(subprocess.run, ["umount", str(disk)], check=True)
        config = self.write("round.yaml", ROUND_ONLY)
        out = disk / "out"
        words = [out / "quantized.safetensors", "No space left"]
        self.fail_with(1, words, "quantize", "--config", config, "--out", out, "--quiet")
        # What was written before may stay; of the file that did not fit, nothing may.
        self.assertEqual([path.name for path in out.iterdir()], ["config.yaml"])

        subprocess.run(["mount", "-o", "remount,size=1m", str(disk)], check=True)
        words = [f"{out}: integer weights cannot be written", "No space left"]
        self.fail_with(1, words, "quantize", "--config", config, "--out", out, "--quiet")


if __name__ == "__main__":
    main()
