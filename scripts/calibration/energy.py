# SPDX-License-Identifier: Apache-2.0
"""Energy of a mapped netlist for given operands: toggles of every net, glitches included, times
internal energy of the driving cell and half C V^2 of the load; the clock of every flip-flop."""

import dataclasses

from calibration import netlist as netlists
from calibration import timing, waveforms


@dataclasses.dataclass
class Energy:
    cycle_fj: float  # with glitches
    settled_fj: float  # without: each net changes at most once a cycle
    outputs: list  # {port: integer} of each cycle


def run_cycles(netlist, stimulus):
    """Outputs and the value of every net at the end of each cycle, without delays."""
    step, driven = netlist.step_function()
    state = [0] * len(netlist.flip_flops)
    outputs, values = [], []
    for inputs in stimulus:
        out, state, nets = step(inputs, state)
        outputs.append(out)
        values.append(nets)
    return outputs, dict(zip(driven, map(list, zip(*values))))


def measure(netlist, library, stimulus, slew_ps, critical_path_ps):
    """Mean energy of a cycle of `stimulus`, a list of {port: integer}, without leakage."""
    outputs, settled = run_cycles(netlist, stimulus)
    cycles = len(stimulus)
    ones = (1 << cycles * waveforms.SAMPLES) - 1
    sample_ps = critical_path_ps / waveforms.SETTLED
    waves = {"0": 0, "1": ones}
    for nets in netlist.inputs().values():
        waves.update({net: waveforms.from_cycles(settled[net]) for net in nets})

    total_fj = settled_fj = len(netlist.flip_flops) * cycles * clock_fj(library, slew_ps)
    for net in waves.keys() - {"0", "1"}:
        spent = waveforms.toggles(waves[net], cycles) * wire_fj(netlist, library, net)
        total_fj, settled_fj = total_fj + spent, settled_fj + spent
    for instance in netlist.flip_flops + netlist.gates:
        for output, net in netlists.driven_nets(instance):
            load_ff = netlist.load_ff.get(net, 0.0)
            delays = {pin: round(ps / sample_ps) for pin, ps in
                      timing.pin_delays_ps(output, slew_ps, load_ff).items()}
            if instance.cell.clock:
                wave = waveforms.delayed(waveforms.from_cycles(settled[net]),
                                         max(1, delays[instance.cell.clock]), ones)
            else:
                gate = waveforms.Gate(output.function, delays)
                wave = gate.output([waves[instance.nets[pin]] for pin in gate.pins], ones)
            if waveforms.last_values(wave, cycles) != settled[net]:
                raise RuntimeError(f"net {net} does not settle within a cycle")
            waves[net] = wave
            each_fj = (output.energy.rise_and_fall_fj(slew_ps, load_ff) / 2
                       + wire_fj(netlist, library, net))
            total_fj += waveforms.toggles(wave, cycles) * each_fj
            settled_fj += sum(map(int.__ne__, settled[net], settled[net][1:])) * each_fj
    for flip_flop in netlist.flip_flops:  # data that changes while the output does not, yet
        for pin, energy in flip_flop.cell.input_energy.items():
            if pin != flip_flop.cell.clock:
                net = flip_flop.nets[pin]
                spent = energy.rise_and_fall_fj(slew_ps) / 2
                total_fj += waveforms.toggles(waves[net], cycles) * spent
                if net in settled:
                    settled_fj += sum(map(int.__ne__, settled[net], settled[net][1:])) * spent
    return Energy(total_fj / cycles, settled_fj / cycles, outputs)


def wire_fj(netlist, library, net):
    """Of one transition: half C V^2."""
    return netlist.load_ff.get(net, 0.0) * library.supply_v**2 / 2


def clock_fj(library, slew_ps):
    """Of one flip-flop and cycle: its clock pin, inside and as a load."""
    cell = library.flip_flop()
    return (cell.input_energy[cell.clock].rise_and_fall_fj(slew_ps)
            + cell.inputs[cell.clock] * library.supply_v**2)
