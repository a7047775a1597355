# SPDX-License-Identifier: Apache-2.0
"""A mapped netlist: cells of a library, the nets between them, their loads."""

import dataclasses
import json
import math
import pathlib

from calibration import boolean

CONSTANTS = {"0": 0, "1": 1}
ASSUMED_UTILIZATION = 0.7  # of the block, for the distance between cells
GATE_PITCHES_PER_SINK = 2.5  # wire to each sink: an assumption that suits small blocks


@dataclasses.dataclass
class Instance:
    cell: object  # liberty.Cell
    nets: dict  # pin -> net


class Netlist:
    """Nets are yosys's numbers, or "0" and "1" for constants. `gates` come in an order in which
    every gate follows those that drive it."""

    def __init__(self, module, library, wire_ff_per_um, output_load_ff):
        self.ports = {name: (port["direction"], [net if net in CONSTANTS or isinstance(net, int)
                                                 else "0" for net in port["bits"]])
                      for name, port in module["ports"].items()}
        self.flip_flops, gates = [], []
        for cell in module["cells"].values():
            if cell["type"] not in library.cells:
                raise ValueError(f"synthesis used {cell['type']}, which this flow does not know")
            nets = {pin: bits[0] for pin, bits in cell["connections"].items()}
            instance = Instance(library.cells[cell["type"]], nets)
            (self.flip_flops if instance.cell.clock else gates).append(instance)
        self.gates = self.in_order(gates)
        self.area_um2 = sum(i.cell.area_um2 for i in self.instances())
        self.leakage_nw = sum(i.cell.leakage_nw for i in self.instances())
        self.load_ff = self.loads(wire_ff_per_um, output_load_ff)

    def instances(self):
        return self.gates + self.flip_flops

    def inputs(self):
        return {name: nets for name, (direction, nets) in self.ports.items()
                if direction == "input" and name != "clock"}

    def outputs(self):
        return {name: nets for name, (direction, nets) in self.ports.items()
                if direction == "output"}

    def in_order(self, gates):
        driver = {gate.nets[output.name]: gate for gate in gates for output in gate.cell.outputs
                  if output.name in gate.nets}
        missing = {id(gate): len({gate.nets[pin] for pin in gate.cell.inputs} & driver.keys())
                   for gate in gates}
        readers = {}
        for gate in gates:
            for net in {gate.nets[pin] for pin in gate.cell.inputs} & driver.keys():
                readers.setdefault(net, []).append(gate)
        ready = [gate for gate in gates if missing[id(gate)] == 0]
        for gate in ready:  # grows
            for output in gate.cell.outputs:
                for reader in readers.get(gate.nets.get(output.name), ()):
                    missing[id(reader)] -= 1
                    if missing[id(reader)] == 0:
                        ready.append(reader)
        if len(ready) != len(gates):
            raise ValueError("the mapped netlist has a combinational loop")
        return ready

    def loads(self, wire_ff_per_um, output_load_ff):
        """fF of each net: pins, wires, what hangs on the outputs. The clock's net is left out: its
        tree is not there before layout."""
        sinks = {}
        for instance in self.instances():
            for pin, pin_ff in instance.cell.inputs.items():
                if pin != instance.cell.clock:
                    sinks.setdefault(instance.nets[pin], []).append(pin_ff)
        pitch_um = math.sqrt(self.area_um2 / max(1, len(self.instances())) / ASSUMED_UTILIZATION)
        wire_ff = GATE_PITCHES_PER_SINK * pitch_um * wire_ff_per_um
        load_ff = {net: sum(pins_ff) + len(pins_ff) * wire_ff for net, pins_ff in sinks.items()}
        for nets in self.outputs().values():
            for net in nets:
                load_ff[net] = load_ff.get(net, 0) + output_load_ff
        return load_ff

    def step_function(self):
        """A Python function of one clock cycle: (inputs, state) -> (outputs, next state, nets),
        where inputs and outputs are {port: integer}, state a list of bits and nets all values."""
        driven = [net for nets in self.inputs().values() for net in nets]
        lines = ["def step(inputs, state):", "    ones = 1"]
        for port, nets in self.inputs().items():
            lines += [f"    {name(net)} = inputs[{port!r}] >> {bit} & 1"
                      for bit, net in enumerate(nets)]
        for index, flip_flop in enumerate(self.flip_flops):
            for output in flip_flop.cell.outputs:
                if output.name in flip_flop.nets:
                    value = boolean.python(output.function)
                    net = flip_flop.nets[output.name]
                    driven.append(net)
                    lines += [f"    {state_name(output.function)} = state[{index}]",
                              f"    {name(net)} = {value}"]
        for gate in self.gates:
            for output, net in driven_nets(gate):
                driven.append(net)
                lines.append(f"    {name(net)} = {expression(output.function, gate)}")
        following = ", ".join(expression(f.cell.next_state, f) for f in self.flip_flops)
        ports = ", ".join(
            f"{port!r}: " + (" | ".join(f"{name(net)} << {bit}" for bit, net in enumerate(nets)))
            for port, nets in self.outputs().items())
        values = ", ".join(name(net) for net in driven)
        lines.append(f"    return {{{ports}}}, [{following}], [{values}]")
        scope = {}
        exec("\n".join(lines), scope)
        return scope["step"], driven


def state_name(function):
    return boolean.pins(function)[0]


def name(net):
    return str(net) if net in CONSTANTS else f"n{net}"


def driven_nets(gate):
    return [(output, gate.nets[output.name]) for output in gate.cell.outputs
            if output.name in gate.nets]


def expression(function, instance):
    """The function with its pins replaced by the nets of this instance."""
    code = boolean.python(function)
    return boolean.substituted(code, {pin: name(net) for pin, net in instance.nets.items()})


def read(path, library, wire_ff_per_um, output_load_ff):
    """The one module of a netlist that yosys wrote as JSON."""
    modules = json.loads(pathlib.Path(path).read_text())["modules"]
    used = [module for module in modules.values() if module["cells"]
            and "blackbox" not in module["attributes"]]
    return Netlist(used[0], library, wire_ff_per_um, output_load_ff)
