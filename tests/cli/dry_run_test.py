# SPDX-License-Identifier: Apache-2.0
"""--dry-run against the runs that it foretells: what is counted, memory, and that it leaves nothing.

Times are looked at for their form only: a machine that does other things has no fixed rates.
"""

import json

from axesim_cli import ROOT, CliTestCase, main, minimal_config, needs_model
from shapes_test import shape_file
from sweep_test import GRID, base_config
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

    def test_the_memory_of_timing_does_not_grow_with_its_tokens(self):
        """One token more in a batch would take some 20 KiB in activations alone."""
        shape = self.write("shape.yaml", shape_file(2, {**MODEL, "hidden": 512, "ffn": 2048}))
        config = self.write("learned.yaml", LEARNED)

        def run(batch):
            arguments = [
                *("--config", config, "--set", "workload.timing_only=true"),
                *self.settings(shape),
                *("--set", "workload.phases={prefill_tokens: 128, decode_tokens: 1, batch: %d}" % batch),
            ]
            told = self.told(*arguments)
            result = json.loads(self.succeed(*arguments, "--format", "json", "--quiet").stdout)
            self.compare(told, result, 0.15)
            return told["peak_mib"]["estimate"], result["host"]["peak_rss_mib"]

        (few_told, few), (many_told, many) = run(2), run(128)
        # 126 sequences of 128 tokens: 315 MiB if their activations were held.
        self.assertLess(many - few, 30)
        self.assertLess(abs(many_told - few_told), 10)

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
        files = sorted((path, path.stat().st_mtime_ns) for path in cache.rglob("*"))
        after = self.told(*arguments)
        self.assertEqual(after["cached"], {"evaluation": True, "float_reference": True})
        self.assertFalse(after["values"])
        self.assertEqual([part["name"] for part in after["parts"]], ["prefill", "decode"])
        # Other text, the same integers: all blocks and lm_head are there.
        other = self.told(*arguments, "--set", "workload.evaluation.first_token=16")
        self.assertEqual(other["quantize"]["finished_blocks"], 3)
        self.assertEqual(other["quantize"]["layers"], 0)
        self.assertEqual(
            sorted((path, path.stat().st_mtime_ns) for path in cache.rglob("*")), files
        )

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


SEARCH = """base: base.yaml
strategy: pareto
budget: 5
objectives: [perplexity, area]
axes:
  accumulator.inner_bits: [14, 16, 18]
  hardware.array.columns: [8, 16, 32]
"""


class SweepDryRun(CliTestCase):
    """`axesim sweep --dry-run` against the sweeps that it foretells."""

    def setUp(self):
        super().setUp()
        self.write("base.yaml", base_config(self.folder))
        self.out = self.folder / "out"

    def command(self, text, *options):
        sweep = self.write("sweep.yaml", text)
        return ["sweep", "--config", sweep, "--out", self.out, *options]

    def files(self):
        return sorted((path, path.stat().st_mtime_ns) for path in self.folder.rglob("*"))

    def told(self, text, *options):
        command = self.command(text, *options, "--dry-run", "--format", "json")
        before = self.files()
        done = self.succeed(*command)
        self.assertEqual(done.stderr, "")
        self.assertEqual(self.files(), before)
        told = json.loads(done.stdout)
        states = [point["state"] for point in told["points"]]
        for name, state in (("finished", "finished"), ("to_run", "runs"), ("failing", "fails")):
            self.assertEqual(told[name], states.count(state))
        return told

    def work(self, told):
        return tuple(told[name] for name in ("quantizations", "evaluations", "float_references"))

    def results(self):
        found = (self.out / "points").glob("*/result.json")
        return {path.parent.name: json.loads(path.read_text()) for path in found}

    def test_what_points_share_is_counted_once(self):
        told = self.told(GRID, "--jobs", "1")
        self.assertFalse(told["search"])
        self.assertEqual((told["to_run"], told["jobs"]), (6, 1))
        self.assertEqual(self.work(told), (2, 2, 1))
        self.assertLess(0, told["seconds"]["least"])
        self.assertLess(told["seconds"]["least"], told["seconds"]["most"])
        self.succeed(*self.command(GRID, "--jobs", "1", "--quiet"))
        results = self.results()
        self.assertEqual({point["name"] for point in told["points"]}, set(results))
        for point in told["points"]:
            host = results[point["name"]]["host"]
            self.assertEqual(point["quantizes"], "quantized_layers" not in host["reused"])
            self.assertEqual(point["evaluates"], "evaluation" not in host["reused"])
            self.assertEqual(
                point["runs_float_model"],
                not {"evaluation", "float_reference"} & set(host["reused"]),
            )
            self.assertLess(0.7, point["peak_mib"] / host["peak_rss_mib"])
            self.assertLess(point["peak_mib"] / host["peak_rss_mib"], 1.5)
        # One at a time: the peak is that of the largest.
        peaks = [point["peak_mib"] for point in told["points"]]
        self.assertEqual(told["peak_mib"]["estimate"], max(peaks))
        self.assertLessEqual(
            self.told(GRID, "--jobs", "3")["peak_mib"]["most"], 1.25 * 3 * max(peaks)
        )

        done = self.told(GRID)
        self.assertEqual((done["to_run"], done["finished"], self.work(done)), (0, 6, (0, 0, 0)))
        self.assertEqual((done["seconds"]["most"], done["peak_mib"]["most"]), (0, 0))

    def test_what_is_there_is_not_done_again(self):
        first = self.told(GRID)["points"][0]["name"]
        self.succeed(*self.command(GRID, "--point", first))
        told = self.told(GRID)
        self.assertEqual((told["finished"], told["to_run"]), (1, 5))
        self.assertEqual(self.work(told), (1, 1, 0))
        # Points of another sweep that need the same integers; and other text for these.
        wider = GRID.replace("[8, 16, 32]", "[64]").replace("[14, 16]", "[14]")
        self.fail_with(2, ["another sweep", "--out"], *self.command(wider, "--dry-run"))
        self.assertEqual(self.work(self.told(wider, "--resume")), (0, 0, 0))
        text = ["--set", "workload.evaluation.first_token=16", "--resume"]
        self.assertEqual(self.work(self.told(wider, *text)), (0, 1, 1))
        # Damaged, and so as if it were not there.
        (self.out / "points" / first / "result.json").write_text("{")
        self.assertEqual(self.told(GRID)["finished"], 0)

    def test_a_search_is_told_for_its_budget(self):
        told = self.told(SEARCH)
        self.assertTrue(told["search"])
        self.assertEqual(told["to_run"], 5)
        names = [point["name"] for point in told["points"]]
        self.assertEqual(len(set(names)), 5)
        self.assertEqual(told["quantizations"], len({name.split(",")[0] for name in names}))
        text = self.succeed(*self.command(SEARCH, "--dry-run")).stdout
        self.assertIn("a search for its budget", text)
        # The runs that it begins with are those that it was told to begin with (8 or the budget).
        self.succeed(*self.command(SEARCH, "--quiet"))
        self.assertEqual(set(self.results()), set(names))
        self.assertEqual(self.told(SEARCH)["to_run"], 0)

    def test_it_reads_well(self):
        text = self.succeed(*self.command(GRID, "--dry-run", "--jobs", "2")).stdout
        for words in (
            "6 points, 0 finished, 6 to run",
            "2 points; 4 take theirs from another",
            "2 points at a time",
            "MiB at the peak",
        ):
            self.assertIn(words, text)

    def test_mistakes_are_those_of_a_sweep(self):
        self.fail_with(2, ["do not hold"], *self.command(GRID.replace("14", "4"), "--dry-run"))
        self.assertFalse(self.out.exists())


if __name__ == "__main__":
    main()
