# SPDX-License-Identifier: Apache-2.0
"""What is synthesized and measured: modules of rtl/ with parameters, the operands that they get,
and what their outputs must then be."""

import dataclasses

from calibration import streams
from calibration.streams import TILE

TILES = 4  # of a dot product
OUTER_BITS = 32
BUS_BITS = 64  # of the unpackers


@dataclasses.dataclass(frozen=True)
class Design:
    name: str  # of the row in a technology file, like mac_6x6_p16_wrap
    kind: str  # mac, dot, multiplier, adder, mux, register, unpacker
    top: str
    parameters: dict
    stimuli: tuple  # what its energy is measured with
    cycles: int = 640

    def bits(self, name):
        return self.parameters[name]


def mac(m, n, p, overflow="wrap", signed=True, stimuli=streams.NOMINAL):
    parameters = {"WEIGHT_BITS": m, "ACTIVATION_BITS": n, "INNER_BITS": p,
                  "ACTIVATION_SIGNED": signed, "OVERFLOW": overflow}
    name = f"mac_{m}x{n}_p{p}_{overflow}" + ("" if signed else "_unsigned")
    return Design(name, "mac", "measured_mac", parameters, stimuli)


def real_mac(m, n, signed):
    """The unit that gets real operands."""
    p = 16 if m + n <= 12 else 24
    return mac(m, n, p) if signed else mac(m, n, p, "saturate", False, ("gaussian",))


def dot(lanes, m, n, p, stimuli=("gaussian",)):
    parameters = {"LANES": lanes, "WEIGHT_BITS": m, "ACTIVATION_BITS": n, "INNER_BITS": p,
                  "OUTER_BITS": OUTER_BITS, "OVERFLOW": "wrap"}
    return Design(f"dot_l{lanes}_{m}x{n}_p{p}", "dot", "measured_dot", parameters, stimuli,
                  cycles=TILE * (10 if lanes < 16 else 5))


def multiplier(m, n):
    parameters = {"WEIGHT_BITS": m, "ACTIVATION_BITS": n, "ACTIVATION_SIGNED": True}
    return Design(f"multiplier_{m}x{n}", "multiplier", "multiplier", parameters, ("gaussian",),
                  cycles=640 if m * n < 256 else 96)


def adder(bits):
    return Design(f"adder_{bits}", "adder", "measured_adder", {"BITS": bits}, ("uniform",))


def mux(bits):
    return Design(f"mux_{bits}", "mux", "measured_mux", {"BITS": bits}, ("uniform",))


def register(bits):
    return Design(f"register_{bits}", "register", "delay_line", {"WIDTH": bits}, ("uniform",))


def unpacker(element_bits):
    """As many lanes as the bus can feed, a power of two."""
    lanes = 1 << (BUS_BITS // element_bits).bit_length() - 1
    parameters = {"ELEMENT_BITS": element_bits, "BUS_BITS": BUS_BITS, "LANES": lanes}
    return Design(f"unpacker_{element_bits}", "unpacker", "unpacker", parameters, ("gaussian",),
                  cycles=320)


PAIRS = [(8, 8), (8, 6), (8, 4), (7, 5), (6, 6), (6, 4), (5, 5), (4, 4), (3, 3)]


def grid():
    """All that a technology file needs, the slowest first."""
    return ([dot(16, 8, 8, 20), multiplier(32, 32)]
            + [dot(16, m, n, p) for m, n, p in ((6, 6, 16), (6, 6, 24), (6, 4, 16), (4, 4, 20))]
            + [dot(4, m, n, 20, tuple(streams.STREAMS)) for m, n in ((8, 8), (6, 6), (4, 4))]
            + [dot(4, m, n, 20) for m, n in ((8, 4), (5, 5))]
            + [dot(4, 6, 6, 12), dot(4, 6, 6, 32), dot(2, 8, 8, 24), dot(2, 4, 4, 16)]
            + [mac(16, 16, 40), mac(12, 12, 32)]
            + [mac(m, n, p) for m, n in PAIRS for p in (16, 32)]
            + [mac(m, n, 24, stimuli=tuple(streams.STREAMS)) for m, n in PAIRS]
            + [mac(m, n, p, "saturate") for m, n in ((8, 8), (8, 4), (6, 6), (4, 4), (3, 3))
               for p in (16, 32)]
            + [unpacker(bits) for bits in [*range(2, 17), 32]]
            + [multiplier(m, n) for m, n in ((8, 8), (6, 6), (4, 4))]
            + [adder(bits) for bits in (8, 12, 16, 20, 24, 32)] + [mux(32), register(32)])


def small_grid():
    """A few seconds' worth: enough for every fit, too little for good ones."""
    return ([dot(2, m, n, p) for m, n, p in ((2, 2, 6), (3, 3, 8), (3, 2, 10), (4, 2, 8))]
            + [mac(m, n, p, overflow) for overflow in ("wrap", "saturate")
               for m, n, p in ((3, 3, 8), (4, 3, 8), (3, 3, 12), (4, 4, 8))]
            + [mac(m, 3, 24, stimuli=tuple(streams.STREAMS)) for m in (3, 4)]
            + [unpacker(bits) for bits in (3, 8)] + [multiplier(8, 8)]
            + [adder(bits) for bits in (4, 8)] + [mux(8), register(8)])


def field(values, bits):
    """Codes as the bits of a port, the first one lowest."""
    word = 0
    for index, value in enumerate(values):
        word |= (int(value) & (1 << bits) - 1) << index * bits
    return word


def signed_value(word, bits):
    return word - (1 << bits) if word >> bits - 1 else word


def kept(exact, bits, overflow):
    """The accumulator's rule."""
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    if overflow == "saturate":
        return min(max(exact, low), high)
    return signed_value(exact & (1 << bits) - 1, bits)


def products(design, operands, stimulus, real):
    """Weights and activations, [cycles, lanes], of the streams `real` or drawn."""
    if stimulus in real:
        return real[stimulus]
    return operands.products(streams.STREAMS[stimulus], design.bits("WEIGHT_BITS"),
                             design.bits("ACTIVATION_BITS"),
                             (design.cycles, design.parameters.get("LANES", 1)),
                             design.parameters.get("ACTIVATION_SIGNED", True))


def accumulated(design, w, x):
    """Inner sums after each step."""
    inner, sums = 0, []
    for step, (weights, activations) in enumerate(zip(w, x)):
        start = 0 if step % TILE == 0 else inner
        exact = start + sum(int(a) * int(b) for a, b in zip(weights, activations))
        inner = kept(exact, design.bits("INNER_BITS"), design.parameters["OVERFLOW"])
        sums.append(inner)
    return sums


def mac_case(design, w, x):
    inputs = [{"tile_first": int(i % TILE == 0), "weight": field(w[i], design.bits("WEIGHT_BITS")),
               "activation": field(x[i], design.bits("ACTIVATION_BITS"))} for i in range(len(w))]
    sums = accumulated(design, w, x)
    p = design.bits("INNER_BITS")
    return inputs, [None] * 2 + [{"inner": field([s], p)} for s in sums[:-2]]


def dot_case(design, w, x):
    inputs = [{"tile_first": int(i % TILE == 0), "tile_last": int(i % TILE == TILE - 1),
               "outer_first": int(i // TILE % TILES == 0),
               "weights": field(w[i], design.bits("WEIGHT_BITS")),
               "activations": field(x[i], design.bits("ACTIVATION_BITS"))} for i in range(len(w))]
    outer, after = None, []
    for i, inner in enumerate(accumulated(design, w, x)):
        if i % TILE == TILE - 1:
            start = 0 if i // TILE % TILES == 0 else outer
            outer = kept(start + inner, OUTER_BITS, "wrap")
        after.append(None if outer is None else {"outer": field([outer], OUTER_BITS)})
    return inputs, [None] * 3 + after[:-3]


def multiplier_case(design, w, x):
    m, n = design.bits("WEIGHT_BITS"), design.bits("ACTIVATION_BITS")
    inputs = [{"weight": field(a, m), "activation": field(b, n)} for a, b in zip(w, x)]
    return inputs, [{"product": field([int(a[0]) * int(b[0])], m + n)} for a, b in zip(w, x)]


def adder_case(design, operands):
    bits = design.bits("BITS")
    a, b = (operands.uniform(bits, design.cycles) for _ in "ab")
    inputs = [{"a": field([x], bits), "b": field([y], bits)} for x, y in zip(a, b)]
    return inputs, [{"sum": field([x + y], bits)} for x, y in zip(a, b)]


def mux_case(design, operands):
    bits = design.bits("BITS")
    a, b = (operands.uniform(bits, design.cycles) for _ in "ab")
    chosen = operands.generator.integers(0, 2, design.cycles)
    inputs = [{"a": field([x], bits), "b": field([y], bits), "choice": int(c)}
              for x, y, c in zip(a, b, chosen)]
    return inputs, [{"chosen": field([x if c else y], bits)} for x, y, c in zip(a, b, chosen)]


def register_case(design, operands):
    bits = design.bits("WIDTH")
    words = [field([x], bits) for x in operands.uniform(bits, design.cycles)]
    inputs = [{"reset": 0, "in": word} for word in words]
    return inputs, [None] + [{"out": word} for word in words[:-1]]


def unpacker_case(design, operands):
    """Words come as fast as they are taken, elements are taken as fast as they come."""
    bits, lanes = design.bits("ELEMENT_BITS"), design.bits("LANES")
    out_bits = lanes * bits
    elements = operands.normal(bits, design.cycles * BUS_BITS // bits + lanes)
    stream = field(elements, bits)
    inputs, outputs = [{"reset": 1, "in_valid": 0, "in_last": 0, "in": 0, "out_ready": 1}], [None]
    taken, given, level = 0, 0, 0  # bits; level: in the gearbox
    for _ in range(1, design.cycles):
        word = stream >> taken & (1 << BUS_BITS) - 1
        inputs.append({"reset": 0, "in_valid": 1, "in_last": 0, "in": word, "out_ready": 1})
        gives = level >= out_bits
        takes = level - gives * out_bits <= out_bits
        outputs.append({"in_ready": int(takes), "out_valid": int(gives)})
        if gives:
            outputs[-1]["out"] = stream >> given & (1 << out_bits) - 1
        taken, given = taken + takes * BUS_BITS, given + gives * out_bits
        level += takes * BUS_BITS - gives * out_bits
    return inputs, outputs


CASES = {"mac": mac_case, "dot": dot_case, "multiplier": multiplier_case}
OTHER_CASES = {"adder": adder_case, "mux": mux_case, "register": register_case,
               "unpacker": unpacker_case}


def case(design, stimulus, real=None, seed=1):
    """Inputs of each cycle and the outputs that must be seen in it (None: not known yet), both
    {port: integer}. `real`: weights and activations of the stimuli that are not drawn."""
    operands = streams.Operands(seed)
    if design.kind in OTHER_CASES:
        return OTHER_CASES[design.kind](design, operands)
    return CASES[design.kind](design, *products(design, operands, stimulus, real or {}))


def toggles(design, stimulus, real=None, seed=1):
    """Bits that change from a step to the next in a unit with an accumulator: of its partial
    products and of its inner accumulator."""
    w, x = products(design, streams.Operands(seed), stimulus, real or {})
    return {"partial_product_toggles": streams.partial_product_toggles(
                w, x, design.bits("WEIGHT_BITS"), design.bits("ACTIVATION_BITS")),
            "accumulator_toggles": streams.register_toggles(accumulated(design, w, x),
                                                            design.bits("INNER_BITS"))}


def events(design, outputs):
    """What energy is counted for: elements of an unpacker, else cycles."""
    if design.kind != "unpacker":
        return len(outputs)
    return sum(o["out_valid"] for o in outputs[1:]) * design.bits("LANES")
