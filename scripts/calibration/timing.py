# SPDX-License-Identifier: Apache-2.0
"""Delays of a mapped netlist from the library's tables."""

EDGES = ("rise", "fall")
CAUSES = {  # edges of an input that may cause this edge of the output
    "positive_unate": {"rise": ("rise",), "fall": ("fall",)},
    "negative_unate": {"rise": ("fall",), "fall": ("rise",)},
    "non_unate": {"rise": EDGES, "fall": EDGES},
}


def inverter_slew_ps(library):
    """The slew behind an inverter that drives four of its kind: what signals usually have."""
    inverter = library.by_function("!A")[0]
    output = inverter.outputs[0]
    load_ff = 4 * next(iter(inverter.inputs.values()))
    slew = 0.0
    for _ in range(10):  # converges at once
        slews = [arc.slew[edge].at(slew, load_ff) for arcs in output.arcs.values()
                 for arc in arcs for edge in EDGES]
        slew = sum(slews) / len(slews)
    return slew


def critical_path_ps(netlist, input_slew_ps):
    """The longest path from an input or a clock edge to an output or a flip-flop's data; slews
    propagate, the worst of each net. No setup time, no skew."""
    arrival = {(net, edge): (0.0, input_slew_ps)
               for nets in netlist.inputs().values() for net in nets for edge in EDGES}
    worst = 0.0
    for instance in netlist.flip_flops + netlist.gates:
        if instance.cell.clock:
            arrival.update({(instance.cell.clock, edge): (0.0, input_slew_ps) for edge in EDGES})
        for output in instance.cell.outputs:
            net = instance.nets.get(output.name)
            if net is None:
                continue
            load_ff = netlist.load_ff.get(net, 0.0)
            for edge in EDGES:
                best = latest(output, edge, instance, arrival, load_ff)
                if best:
                    arrival[net, edge] = best
                    worst = max(worst, best[0])
    return worst


def latest(output, edge, instance, arrival, load_ff):
    """When this edge comes at the latest, and with which slew (the worst of all arcs)."""
    times, slews = [], []
    for pin, arcs in output.arcs.items():
        source = pin if pin == instance.cell.clock else instance.nets[pin]
        for arc in arcs:
            for cause in CAUSES[arc.sense][edge]:
                if (source, cause) in arrival:
                    time, slew = arrival[source, cause]
                    times.append(time + arc.delay[edge].at(slew, load_ff))
                    slews.append(arc.slew[edge].at(slew, load_ff))
    return (max(times), max(slews)) if times else None


def pin_delays_ps(output, slew_ps, load_ff):
    """Delay from each input at one slew, the mean over arcs and edges."""
    delays = {}
    for pin, arcs in output.arcs.items():
        found = [arc.delay[edge].at(slew_ps, load_ff) for arc in arcs for edge in EDGES]
        delays[pin] = sum(found) / len(found)
    return delays
