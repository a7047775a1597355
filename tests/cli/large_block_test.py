# SPDX-License-Identifier: Apache-2.0
"""One block of a model of 8 billion parameters is quantized in 4 GiB of memory."""

import os
import re
import subprocess
import time

from axesim_cli import CliTestCase, main, minimal_config, program
from synthetic_llama import Shape, write_model, write_tokens

LLAMA_3_8B = Shape(blocks=1, hidden=4096, ffn=14336, heads=32, kv_heads=8)
LIMIT_GIB = 4.0


def available_gib():
    with open("/proc/meminfo", encoding="ascii") as file:
        return int(re.search(r"MemAvailable:\s+(\d+)", file.read()).group(1)) / 2**20


class LargeBlock(CliTestCase):
    def peak_gib(self, config, out):
        """Largest resident memory of a process of its own, mapped weights included."""
        command = [program(), "quantize", "--config", config, "--out", self.folder / out]
        begin = time.monotonic()
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0)
        peak = usage.ru_maxrss / 2**20
        seconds = time.monotonic() - begin
        print(f"{out}: {seconds:.0f} s, {usage.ru_utime:.0f} s of processor, {peak:.2f} GiB")
        return peak

    def test_memory(self):
        if available_gib() < LIMIT_GIB + 1:
            self.skipTest(f"less than {LIMIT_GIB + 1} GiB of memory are free")
        write_model(self.folder / "model", LLAMA_3_8B)
        write_tokens(self.folder / "tokens.npy", 4 * 512)
        quantizer = {
            "algorithm": "optq",
            "equalization": "rotation",
            "calibration": {"text": self.folder / "tokens.npy", "sequences": 4, "length": 512},
        }
        # Refinement asks for the moments again, which are the largest matrix.
        for name, more in {"optq_axe": {}, "refined": {"refine_sweeps": 1}}.items():
            config = minimal_config(
                *(6, 6, 16, 64),
                quantizer={**quantizer, **more},
                workload={"model": self.folder / "model"},
            )
            path = self.write(f"{name}.yaml", config)
            self.assertLess(self.peak_gib(path, name), LIMIT_GIB)


if __name__ == "__main__":
    main()
