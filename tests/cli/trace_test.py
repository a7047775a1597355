# SPDX-License-Identifier: Apache-2.0
"""Traces, read by code that shares nothing with what wrote them, against result.json."""

import collections
import json
import re

from axesim_cli import ROUND_ONLY, CliTestCase, main
from shapes_test import TINY, shape_file
from synthetic_llama import write_tokens

BLOCKS = 3
STATES = {
    "busy": ("busy_cycles",),
    "fill_drain": ("stall_cycles", "fill_drain"),
    "stall_dram": ("stall_cycles", "dram"),
    "stall_buffer": ("stall_cycles", "buffer"),
    "stall_vector": ("stall_cycles", "vector_unit"),
}
STREAMS = ("weights", "activations", "outputs", "kv_cache")


class Trace(CliTestCase):
    def trace(self, form, *settings, blocks=BLOCKS, arguments=()):
        """Runs a model of random weights; returns result.json and the trace's text."""
        out = self.folder / f"out{len(list(self.folder.iterdir()))}"
        config = self.write("round.yaml", ROUND_ONLY)
        shape = self.write("tiny.yaml", shape_file(blocks, TINY))
        tokens = self.folder / "tokens.npy"
        write_tokens(tokens, 64)
        command = ["--config", config, "--out", out, *arguments]
        if form:
            command += ["--trace", form]
        for setting in (
            f"workload.model={shape}",
            f"workload.evaluation={{text: {tokens}, tokens: 0}}",
            *("workload.phases.prefill_tokens=24", "workload.phases.decode_tokens=1"),
            *("workload.timing_only=true", *settings),
        ):
            command += ["--set", setting]
        self.log = self.succeed(*command).stderr
        result = json.loads((out / "result.json").read_text())
        self.assertEqual(list(out.glob("*.tmp*")), [])
        path = out / {"perfetto": "trace.json", "vcd": "trace.vcd", None: "none"}[form]
        return result, path.read_text() if form else ""

    def cycles(self, ps, result):
        """Picoseconds to whole cycles: edges are rounded to picoseconds."""
        cycles = ps * result["peak"]["clock_hz"] / 1e12
        self.assertLess(abs(cycles - round(cycles)), 0.02)
        return round(cycles)


class Perfetto(Trace):
    def tracks(self, text):
        """Intervals (name, begin, end in ps, args) by (process, thread), checked not to overlap."""
        events = json.loads(text)["traceEvents"]
        processes, threads = {}, {}
        for event in events:
            if event["name"] == "process_name":
                processes[event["pid"]] = event["args"]["name"]
            if event["name"] == "thread_name":
                threads[event["pid"], event["tid"]] = event["args"]["name"]
        tracks = collections.defaultdict(list)
        for event in events:
            if event["ph"] == "X":
                begin, length = (round(event[key] * 1e6) for key in ("ts", "dur"))
                track = processes[event["pid"]], threads[event["pid"], event["tid"]]
                tracks[track].append((event["name"], begin, begin + length, event.get("args", {})))
                if track[1] == "FMA array":
                    self.assertIn("cname", event)
        for name, intervals in tracks.items():
            intervals.sort(key=lambda interval: interval[1:3])
            for one, other in zip(intervals, intervals[1:]):
                self.assertLess(one[1], one[2], name)
                self.assertLessEqual(one[2], other[1], (name, one, other))
        return tracks

    def within(self, intervals, operations):
        """The intervals that lie in one of these operations."""
        found = []
        for interval in intervals:
            for _, begin, end, _ in operations:
                if begin <= interval[1] and interval[2] <= end:
                    found.append(interval)
        return found

    def check_cycles(self, tracks, result, pattern):
        """Every state of the array in every traced operation of the prefill."""
        operations = tracks["accelerator", "operations"]
        names = {op[0] for op in operations if op[3]["part"] == "prefill"}
        expected = {layer["name"] for layer in result["layers"]}
        self.assertEqual(names, {name for name in expected if re.fullmatch(pattern, name)})
        for layer in result["layers"]:
            mine = [o for o in operations if o[0] == layer["name"] and o[3]["part"] == "prefill"]
            if not mine:
                continue
            whole = sum(end - begin for _, begin, end, _ in mine)
            self.assertEqual(self.cycles(whole, result), layer["cycles"], layer["name"])
            array = self.within(tracks["accelerator", "FMA array"], mine)
            for state, keys in STATES.items():
                wanted = layer
                for key in keys:
                    wanted = wanted[key]
                took = sum(end - begin for name, begin, end, _ in array if name == state)
                self.assertEqual(self.cycles(took, result), wanted, (layer["name"], state))

    def check_bits(self, tracks, result, channels):
        """All operations are traced: the DRAM's data and the streams' bursts are all there are."""
        memory = {"prefill": result["memory"], "decode": result["memory"]["decode"]}
        operations = tracks["accelerator", "operations"]
        for phase in memory:
            mine = [o for o in operations if o[3]["part"] == phase]
            span = [("", min(o[1] for o in mine), max(o[2] for o in mine), {})]
            for kind, key in (("read", "dram_read_bits"), ("write", "dram_written_bits")):
                moved = 0
                for channel in range(channels):
                    data = self.within(tracks[f"DRAM channel {channel}", "data bus"], span)
                    moved += sum(i[3]["bits"] for i in data if i[0] == kind)
                self.assertEqual(moved, memory[phase][key], (phase, kind))
            for stream in STREAMS:
                transfers = self.within(tracks["memory interface", stream], span)
                wanted = memory[phase]["by_stream"][stream]["transferred_bits"]
                self.assertEqual(sum(8 * t[3]["bytes"] for t in transfers), wanted, stream)

    def check_banks(self, tracks, result, channels):
        """Column commands carry all atoms; rows are opened as often as counted."""
        counted = collections.Counter()
        for channel in range(channels):
            for (process, thread), intervals in tracks.items():
                if process == f"DRAM channel {channel}" and thread.startswith("bank"):
                    row = None
                    for name, _, _, args in intervals:
                        counted[name] += args.get("commands", 1)
                        if name == "ACT":
                            row = args["row"]
                        elif name in ("RD", "WR") and row is not None:
                            self.assertEqual(args["row"], row)
        total = result["memory"], result["memory"]["decode"]
        self.assertEqual(counted["ACT"], sum(m["activates"] for m in total))
        atoms = sum(m["row_hits"] + m["row_misses"] for m in total)
        self.assertEqual(counted["RD"] + counted["WR"], atoms)

    def test_a_block(self):
        for settings in (
            (),
            ("hardware.clock_mhz=1300", "hardware.dataflow=weight_stationary"),
            ("hardware.vector_unit.lanes=2", "hardware.buffers={ports: 1}"),
        ):
            result, text = self.trace("perfetto", *settings)
            tracks = self.tracks(text)
            self.check_cycles(tracks, result, r"model\.layers\.0\..*")
            decoded = [o for o in tracks["accelerator", "operations"] if o[3]["part"] == "decode"]
            self.assertGreaterEqual(len(decoded), 16)

    def test_everything(self):
        for channels, dram in ((1, "lpddr5_6400"), (2, "hbm2_2400")):
            settings = [f"hardware.dram={dram}", f"hardware.dram_channels={channels}"]
            policy = ["hardware.dram_scheduling=fr_fcfs", "hardware.dram_page_policy=closed"]
            for more in ([], policy):
                # One block, so that nothing stands for others.
                everything = ("--trace-layers", "*")
                result, text = self.trace(
                    "perfetto", *settings, *more, blocks=1, arguments=everything
                )
                tracks = self.tracks(text)
                self.check_cycles(tracks, result, ".*")
                self.check_bits(tracks, result, channels)
                self.check_banks(tracks, result, channels)

    def test_slots(self):
        _, text = self.trace("perfetto")
        slots = collections.defaultdict(set)
        for event in json.loads(text)["traceEvents"]:
            if event["ph"] == "C":
                slots[event["name"]].add(event["args"]["in use"])
        self.assertEqual(set(slots), {f"{name} slots" for name in STREAMS[:3]})
        for values in slots.values():
            self.assertLessEqual(values, {0, 1, 2})
            self.assertIn(1, values)

    def test_the_result_does_not_depend_on_it(self):
        plain, _ = self.trace(None)
        for form in ("perfetto", "vcd"):
            traced, _ = self.trace(form)
            for result in (plain, traced):
                result.pop("host", None)
            self.assertEqual(traced, plain)

    def test_limit(self):
        _, text = self.trace("perfetto", arguments=("--trace-events", "300"))
        trace = json.loads(text)
        self.assertIn("left out", trace["otherData"]["note"])
        self.assertIn("--trace-events", self.log)
        operations = self.tracks(text)["accelerator", "operations"]
        self.assertLess(len(operations), 16)


class Vcd(Trace):
    def read(self, text):
        """Changes (time, value) of every signal by its full name; the grammar is checked."""
        header, body = text.split("$enddefinitions $end\n")
        self.assertIn("$timescale 1 ps $end", header)
        scopes, names, widths = [], {}, {}
        for line in header.splitlines():
            words = line.split()
            if words[0] == "$scope":
                scopes.append(words[2])
            elif words[0] == "$upscope":
                scopes.pop()
            elif words[0] == "$var":
                self.assertNotIn(words[3], names)
                names[words[3]] = ".".join([*scopes, words[4]])
                widths[words[3]] = int(words[2])
        self.assertEqual(scopes, [])
        changes = {name: [] for name in names.values()}
        now = -1
        for line in body.splitlines():
            if line.startswith("$"):
                continue
            if line.startswith("#"):
                self.assertGreater(int(line[1:]), now)
                now = int(line[1:])
            elif line[0] in "01":
                self.assertEqual(widths[line[1:]], 1)
                changes[names[line[1:]]].append((now, int(line[0])))
            elif line[0] == "b":
                value, identifier = line[1:].split(" ")
                self.assertLessEqual(len(value), widths[identifier])
                changes[names[identifier]].append((now, int(value, 2)))
            else:
                self.assertEqual(line[0], "s")
                value, identifier = line[1:].split(" ")
                changes[names[identifier]].append((now, value))
        return changes

    def high(self, changes):
        """ps that a wire of one bit is 1."""
        self.assertEqual(changes[0], (0, 0))
        self.assertEqual(changes[-1][1], 0)
        for one, other in zip(changes, changes[1:]):
            self.assertNotEqual(one[1], other[1])
        times = [time for time, _ in changes[1:]]
        return sum(times[1::2]) - sum(times[::2])

    def test_whole_run(self):
        result, text = self.trace("vcd", blocks=1, arguments=("--trace-layers", "*"))
        changes = self.read(text)
        phases = result["timing"].values()
        for state, keys in STATES.items():
            wanted = 0
            for phase in phases:
                for key in keys:
                    phase = phase[key]
                wanted += phase
            took = self.high(changes[f"axesim.array.{state}"])
            self.assertEqual(self.cycles(took, result), wanted, state)
        per_ps = result["peak"]["dram_bits_per_cycle"] * result["peak"]["clock_hz"] / 1e12
        for wire, key in (("read_data", "dram_read_bits"), ("write_data", "dram_written_bits")):
            bits = per_ps * self.high(changes[f"axesim.dram_channel_0.{wire}"])
            wanted = result["memory"][key] + result["memory"]["decode"][key]
            self.assertLess(abs(bits / wanted - 1), 1e-9, wire)
        slots = {value for _, value in changes["axesim.buffer_slots.weights"]}
        self.assertLessEqual(slots, {0, 1, 2})
        names = {value for _, value in changes["axesim.operation"]}
        wanted = {layer["name"] for layer in result["layers"]}
        for part in ("prefill", "decode"):
            self.assertEqual({n[len(part) + 1 :] for n in names if n.startswith(part)}, wanted)
        self.assertEqual(changes["axesim.operation"][-1][1], "-")

    def test_a_block(self):
        result, text = self.trace("vcd")
        changes = self.read(text)
        layers = [l for l in result["layers"] if l["name"].startswith("model.layers.0.")]
        names = [(t, v) for t, v in changes["axesim.operation"] if v != "-"]
        self.assertEqual(names[0][1], "prefill:" + layers[0]["name"])
        self.assertGreater(names[0][0], 0)  # after the embedding


class BadInput(Trace):
    def test_options(self):
        config = self.write("round.yaml", ROUND_ONLY)
        out = self.folder / "out"

        def fail(words, *arguments):
            self.fail_with(2, words, "--config", config, "--quiet", *arguments)
            self.assertFalse(out.exists())

        fail(["--trace", "--out"], "--trace", "perfetto")
        fail(["--trace", "'vdc'", "perfetto | vcd", "vcd?"], "--trace", "vdc", "--out", out)
        fail(["--trace", "needs a value"], "--out", out, "--trace")
        fail(["--trace-layers", "--trace perfetto|vcd"], "--trace-layers", "*", "--out", out)
        fail(["--trace-events", "'0'"], "--trace", "vcd", "--out", out, "--trace-events", "0")
        fail(["--trace-events", "'1e6'"], "--trace", "vcd", "--out", out, "--trace-events", "1e6")

    def test_no_such_operation(self):
        config = self.write("round.yaml", ROUND_ONLY)
        shape = self.write("tiny.yaml", shape_file(BLOCKS, TINY))
        out = self.folder / "out"
        self.fail_with(
            *(2, ["--trace-layers", "model.layers.7.*", "layers.csv"]),
            *("--config", config, "--set", f"workload.model={shape}", "--quiet"),
            *("--trace", "vcd", "--trace-layers", "model.layers.7.*", "--out", out),
        )
        self.assertEqual(list(out.glob("trace*")), [])


if __name__ == "__main__":
    main()
