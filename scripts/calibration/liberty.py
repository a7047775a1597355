# SPDX-License-Identifier: Apache-2.0
"""What synthesis, timing and energy need of a library of standard cells in the Liberty format.

Units here are um2, ps, fF, fJ and nW, whatever those of the file are. Energies of one cell follow
the file's tables: the rails' powers are summed, conditions (`when`) and related pins averaged.
"""

import bisect
import dataclasses
import gzip
import pathlib
import re

from calibration import boolean

STATEMENT = re.compile(
    r"\s*(?:(?P<close>\})\s*;?"
    r"|(?P<group>\w+)\s*\((?P<arguments>[^)]*)\)\s*(?:(?P<open>\{)|;?)"
    r"|(?P<name>\w+)\s*:\s*(?P<value>\"[^\"]*\"|[^;\n}]*);?|;)"  # some files forget the semicolon
)


class Group:
    """A named group of a Liberty file: attributes by name, groups within it by kind."""

    def __init__(self, name):
        self.name = name
        self.attributes = {}
        self.groups = {}

    def all(self, kind):
        return self.groups.get(kind, [])

    def number(self, name, default=0.0):
        return float(self.attributes.get(name, default))


def parse(text):
    """The outermost group, `library`."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.DOTALL).replace("\\\n", " ").rstrip()
    top = Group("")
    open_groups, place = [top], 0
    while place < len(text):
        found = STATEMENT.match(text, place)
        if not found:
            line = text.count("\n", 0, place) + 1
            raise ValueError(f"line {line}: not a Liberty statement: {text[place:place + 60]!r}")
        place = found.end()
        here = open_groups[-1]
        if found["close"]:
            open_groups.pop()
        elif found["open"]:
            group = Group(found["arguments"].strip().strip('"'))
            here.groups.setdefault(found["group"], []).append(group)
            open_groups.append(group)
        elif found["group"]:
            here.attributes[found["group"]] = found["arguments"].strip()
        elif found["name"]:
            here.attributes[found["name"]] = found["value"].strip().strip('"')
    if len(open_groups) != 1 or not top.all("library"):
        raise ValueError("no complete `library (...) { ... }`")
    return top.all("library")[0]


def numbers(text):
    return [float(item) for item in re.findall(r"[-+.\dEe]+", text)]


@dataclasses.dataclass
class Table:
    """A table over one or two axes, the slew of an input (ps) and the load (fF); interpolated, and
    extrapolated from the nearest two points."""

    slews_ps: list
    loads_ff: list
    values: list  # by slew, then load

    def at(self, slew_ps, load_ff):
        row, high, share = place_on(self.slews_ps, slew_ps)
        column, right, part = place_on(self.loads_ff, load_ff)
        width = len(self.loads_ff)

        def value(i):
            left = self.values[i * width + column]
            return left + part * (self.values[i * width + right] - left)

        return value(row) + share * (value(high) - value(row))


def place_on(axis, x):
    """Two neighbouring points of an axis and how far x is from the first to the second."""
    if len(axis) == 1:
        return 0, 0, 0.0
    left = min(max(bisect.bisect_right(axis, x) - 1, 0), len(axis) - 2)
    return left, left + 1, (x - axis[left]) / (axis[left + 1] - axis[left])


@dataclasses.dataclass
class Arc:
    """Delays from one input to one output; rise and fall are those of the output."""

    sense: str  # positive_unate, negative_unate or non_unate
    delay: dict  # "rise", "fall" -> Table
    slew: dict


@dataclasses.dataclass
class InternalEnergy:
    """What the transitions of a pin cost inside of the cell."""

    tables: list  # rising and falling, for each rail, condition and related pin
    conditions: int  # among which the tables of each rail are averaged

    def rise_and_fall_fj(self, slew_ps, load_ff=0.0):
        return sum(table.at(slew_ps, load_ff) for table in self.tables) / max(1, self.conditions)


@dataclasses.dataclass
class Output:
    name: str
    function: str  # a Liberty expression over the inputs or over the flip-flop's state
    arcs: dict  # input -> [Arc]
    energy: InternalEnergy


@dataclasses.dataclass
class Cell:
    name: str
    area_um2: float
    leakage_nw: float  # averaged over its states
    inputs: dict  # pin -> capacitance, fF
    outputs: list
    clock: str = ""  # of a flip-flop that takes its next state with the rising clock
    next_state: str = ""
    state: str = ""  # the name of its state in the functions of its outputs
    input_energy: dict = dataclasses.field(default_factory=dict)  # pin -> InternalEnergy


@dataclasses.dataclass
class Library:
    name: str
    supply_v: float
    cells: dict

    def by_function(self, function):
        """Cells of one output with this truth table, smallest first."""
        wanted = boolean.truth_table(function)
        found = [cell for cell in self.cells.values()
                 if not cell.clock and len(cell.outputs) == 1
                 and boolean.truth_table(cell.outputs[0].function) == wanted]
        return sorted(found, key=lambda cell: (cell.area_um2, cell.name))

    def flip_flop(self):
        return min((cell for cell in self.cells.values() if cell.clock),
                   key=lambda cell: (cell.area_um2, cell.name))


class Reader:
    """Turns the groups of a file into cells, in the units of this module."""

    def __init__(self, library):
        self.library = library
        self.templates = {group.name: group for kind in ("lu_table_template", "power_lut_template")
                          for group in library.all(kind)}
        self.ps = unit(library, "time_unit", {"ps": 1, "ns": 1e3})
        scale, name = library.attributes["capacitive_load_unit"].split(",")
        self.ff = float(scale) * {"ff": 1, "pf": 1e3}[name.strip().strip('"').lower()]
        volt = unit(library, "voltage_unit", {"v": 1, "mv": 1e-3})
        self.fj = self.ff * volt * volt
        self.nw = unit(library, "leakage_power_unit", {"pw": 1e-3, "nw": 1, "uw": 1e3},
                       default="1nW")
        self.volt = volt

    def table(self, group, unit_of_values):
        template = self.templates.get(group.name)
        axes = {"slew": [0.0], "load": [0.0]}
        for number in ("1", "2"):
            variable = template.attributes.get(f"variable_{number}", "") if template else ""
            if not variable:
                continue
            points = numbers(group.attributes.get(f"index_{number}")
                             or template.attributes[f"index_{number}"])
            axes["load" if "capacitance" in variable else "slew"] = points
        values = [v * unit_of_values for v in numbers(group.attributes["values"])]
        by_load = template and "capacitance" in template.attributes["variable_1"]
        if by_load and len(axes["slew"]) > 1:
            rows, columns = len(axes["load"]), len(axes["slew"])
            values = [values[i * columns + j] for j in range(columns) for i in range(rows)]
        return Table([x * self.ps for x in axes["slew"]], [x * self.ff for x in axes["load"]],
                     values)

    def energy(self, pin):
        powers = [power for power in pin.all("internal_power")
                  if power.all("rise_power") and power.all("fall_power")]
        tables = [self.table(power.all(edge)[0], self.fj) for power in powers
                  for edge in ("rise_power", "fall_power")]
        rails = {power.attributes.get("related_pg_pin") for power in powers}
        return InternalEnergy(tables, len(powers) // max(1, len(rails)))

    def output(self, pin):
        arcs = {}
        for timing in pin.all("timing"):
            kind = timing.attributes.get("timing_type", "combinational")
            if kind not in ("combinational", "rising_edge") or not timing.all("cell_rise"):
                continue
            delays = {edge: self.table(timing.all(f"cell_{edge}")[0], self.ps)
                      for edge in ("rise", "fall")}
            slews = {edge: self.table(timing.all(f"{edge}_transition")[0], self.ps)
                     for edge in ("rise", "fall")}
            sense = timing.attributes.get("timing_sense", "non_unate")
            for related in timing.attributes["related_pin"].split():
                arcs.setdefault(related, []).append(Arc(sense, delays, slews))
        return Output(pin.name, pin.attributes.get("function", ""), arcs, self.energy(pin))

    def leakage_nw(self, group):
        by_state = {}
        for leakage in group.all("leakage_power"):
            state = leakage.attributes.get("when", "")
            by_state[state] = by_state.get(state, 0) + leakage.number("value")
        states = {state: value for state, value in by_state.items() if state} or by_state
        mean = sum(states.values()) / len(states) if states else group.number("cell_leakage_power")
        return mean * self.nw

    def cell(self, group):
        pins = group.all("pin")
        inputs = {pin.name: pin.number("capacitance") * self.ff for pin in pins
                  if pin.attributes.get("direction") == "input"}
        outputs = [self.output(pin) for pin in pins
                   if pin.attributes.get("direction") == "output"]
        cell = Cell(group.name, group.number("area"), self.leakage_nw(group), inputs, outputs)
        for flip_flop in group.all("ff"):
            cell.clock = flip_flop.attributes["clocked_on"]
            cell.next_state = flip_flop.attributes["next_state"]
            cell.state = flip_flop.name.split(",")[0].strip().strip('"')
            cell.input_energy = {pin.name: self.energy(pin) for pin in pins
                                 if pin.name in inputs}
        return cell

    def usable(self, group):
        """Plain gates and flip-flops without set and reset that clock on the rising edge: what
        synthesis may use and this flow understands."""
        outputs = [pin for pin in group.all("pin") if pin.attributes.get("direction") == "output"]
        if group.all("latch") or group.all("statetable") or not outputs:
            return False
        if any("three_state" in pin.attributes for pin in outputs):
            return False
        return all(re.fullmatch(r"\w+", flip_flop.attributes.get("clocked_on", ""))
                   and "clear" not in flip_flop.attributes
                   and "preset" not in flip_flop.attributes for flip_flop in group.all("ff"))

    def read(self):
        cells = {group.name: self.cell(group) for group in self.library.all("cell")
                 if self.usable(group)}
        return Library(self.library.name, self.library.number("nom_voltage") * self.volt, cells)


def unit(library, name, factors, default=None):
    text = library.attributes.get(name, default)
    found = re.fullmatch(r"([\d.]+)\s*(\w+)", text or "")
    if not found or found[2].lower() not in factors:
        raise ValueError(f"{name}: {text!r} is not understood")
    return float(found[1]) * factors[found[2].lower()]


def text_of(path):
    data = pathlib.Path(path).read_bytes()
    return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode()


def read(path):
    return Reader(parse(text_of(path))).read()
