# SPDX-License-Identifier: Apache-2.0
"""--dry-run against the runs that it foretells: what is counted, memory, and that it leaves nothing.

Times are looked at for their form only: a machine that does other things has no fixed rates.
"""

import json

from axesim_cli import ROOT, CliTestCase, main, minimal_config, needs_model
from synthetic_llama import Shape, write_model, write_tokens

MODEL = {"hidden": 256, "ffn": 1024, "heads": 8, "kv_heads": 4, "vocabulary": 4096}
LEARNED = minimal_config(
    *(6, 6, 16, 64),
    quantizer={"calibration": {"sequences": 4, "length": 256}},
)


class DryRun(CliTestCase):
    def settings(self, folder, **changes):
        tokens = self.folder / "tokens.npy"
        write_tokens(tokens, 2048)
        values = {
            "workload.model": folder,
            "workload.evaluation": f"{{text: {tokens}, tokens: 512, context: 256}}",
            "workload.phases": "{prefill_tokens: 256, decode_tokens: 4, batch: 2}",
            "quantizer.calibration.text": tokens,
            **changes,
        }
        arguments = []
        for key, value in values.items():
            arguments += ["--set", f"{key}={value}"]
        return arguments

    def model(self, blocks=2):
        folder = self.folder / f"model{blocks}"
        if not folder.exists():
            write_model(folder, Shape(blocks=blocks, **MODEL))
        return folder

    def told(self, *arguments):
        done = self.succeed(*arguments, "--dry-run", "--format", "json", "--quiet")
        self.assertEqual(done.stderr, "")
        return json.loads(done.stdout)

    def compare(self, told, result, traffic):
        """`traffic`: how far off its DRAM bytes may be: whole bursts, words of rows."""
        parts = {part["name"]: part for part in told["parts"]}
        # Where a block stands for others, it is counted once here and for all in a result.
        for phase in ("prefill", "decode") if told["repeats"] == 1 else ():
            memory = result["memory"] if phase == "prefill" else result["memory"]["decode"]
            macs, bits = result["timing"][phase]["macs"], memory["transferred_bits"]
            self.assertLessEqual(abs(parts[phase]["macs"] / macs - 1), 0.02, phase)
            self.assertLessEqual(abs(parts[phase]["dram_bytes"] * 8 / bits - 1), traffic, phase)
        ratio = told["peak_mib"]["estimate"] / result["host"]["peak_rss_mib"]
        self.assertGreater(ratio, 0.8)
        self.assertLess(ratio, 1.5)
        self.assertLessEqual(told["peak_mib"]["least"], told["peak_mib"]["estimate"])
        self.assertGreaterEqual(told["peak_mib"]["most"], told["peak_mib"]["estimate"])
        self.assertLess(0, told["seconds"]["least"])
        self.assertLess(told["seconds"]["least"], told["seconds"]["most"])

    def test_a_model_with_values(self):
        config = self.write("learned.yaml", LEARNED)
        arguments = ["--config", config, *self.settings(self.model())]
        out = self.folder / "out"
        told = self.told(*arguments, "--out", out)
        self.assertFalse(out.exists())
        self.assertTrue(told["values"])
        self.assertEqual(told["quantize"]["layers"], 2 * 7 + 1)
        self.assertEqual(told["quantize"]["calibration_tokens"], 4 * 256)
        done = self.succeed(*arguments, "--format", "json", "--quiet")
        self.compare(told, json.loads(done.stdout), 0.15)

    def test_timing_only(self):
        config = self.write("learned.yaml", LEARNED)
        arguments = [
            *("--config", config, "--set", "workload.timing_only=true"),
            *("--set", "workload.phases={prefill_tokens: 512, decode_tokens: 2}"),
            *("--set", "workload.model=llama-3-8b"),
        ]
        told = self.told(*arguments)
        self.assertFalse(told["values"])
        self.assertEqual((told["blocks"], told["repeats"]), (1, 32))
        done = self.succeed(*arguments, "--format", "json", "--quiet")
        self.compare(told, json.loads(done.stdout), 0.15)

    def test_more_work_takes_more(self):
        config = self.write("learned.yaml", LEARNED)

        def memory_and_work(folder, **changes):
            told = self.told("--config", config, *self.settings(folder, **changes))
            work = [sum(part[key] for part in told["parts"]) for key in ("macs", "dram_bytes")]
            stages = [sum(parts.values()) for parts in told["stage_mib"].values()]
            return [*work, *stages]

        def assert_grows(less, more):
            for one, other in zip(less, more):
                self.assertLess(one, other)

        assert_grows(memory_and_work(self.model(1)), memory_and_work(self.model(3)))
        tokens = self.folder / "tokens.npy"
        fewer, more = (
            memory_and_work(
                self.model(1),
                **{
                    "workload.evaluation": f"{{text: {tokens}, tokens: {n}, context: {n}}}",
                    "workload.phases.prefill_tokens": n,
                    "quantizer.calibration.length": n,
                },
            )
            for n in (128, 512)
        )
        assert_grows(fewer, more)

    def test_what_is_done_is_not_done_again(self):
        config = self.write("learned.yaml", LEARNED)
        cache = self.folder / "cache"
        arguments = ["--config", config, *self.settings(self.model()), "--cache", cache]
        before = self.told(*arguments)
        self.assertFalse(cache.exists())
        self.assertEqual(before["cached"], {"evaluation": False, "float_reference": False})
        self.succeed(*arguments, "--quiet")
        files = sorted(cache.rglob("*"))
        after = self.told(*arguments)
        self.assertEqual(after["cached"], {"evaluation": True, "float_reference": True})
        self.assertFalse(after["values"])
        self.assertEqual([part["name"] for part in after["parts"]], ["prefill", "decode"])
        # Other text, the same integers: all blocks and lm_head are there.
        other = self.told(*arguments, "--set", "workload.evaluation.first_token=16")
        self.assertEqual(other["quantize"]["finished_blocks"], 3)
        self.assertEqual(other["quantize"]["layers"], 0)
        self.assertEqual(sorted(cache.rglob("*")), files)

    def test_bad_configs_are_refused_as_by_a_run(self):
        config = self.write("learned.yaml", LEARNED)
        self.fail_with(
            2,
            ["workload.evaluation.tokens"],
            *("--config", config, *self.settings(self.model()), "--dry-run"),
            *("--set", "workload.evaluation.tokens=300"),
        )

    def test_it_reads_well(self):
        config = self.write("learned.yaml", LEARNED)
        text = self.succeed("--config", config, *self.settings(self.model()), "--dry-run").stdout
        for word in ("Dry run", "prefill", "decode", "evaluation", "GMAC", "MiB", " .. "):
            self.assertIn(word, text)

    @needs_model
    def test_the_default_model(self):
        config = ROOT / "configs" / "int6_acc16.yaml"
        arguments = ["--config", config]
        for setting in (
            *("quantizer.calibration.sequences=4", "workload.evaluation.tokens=512"),
            *("workload.phases.decode_tokens=1", "quantizer.refine_sweeps=0"),
        ):
            arguments += ["--set", setting]
        told = self.told(*arguments)
        done = self.succeed(*arguments, "--format", "json", "--quiet")
        self.compare(told, json.loads(done.stdout), 0.15)


if __name__ == "__main__":
    main()
