# SPDX-License-Identifier: Apache-2.0
"""Gate-level simulation with delays, all cycles at once: the waveform of a net is one long integer,
SAMPLES bits a cycle, earliest lowest. A gate is its function of the inputs' waveforms, each
shifted by the delay from that input; pulses shorter than the gate's delay do not pass. Cycles
follow one another as in time, because every net has settled before a cycle ends."""

from calibration import boolean

SAMPLES = 512  # a cycle; whole bytes
SETTLED = 448  # samples by which the critical path has ended


def from_cycles(values):
    """The waveform of a net that changes at clock edges only, from its value in each cycle."""
    high, low = b"\xff" * (SAMPLES // 8), b"\x00" * (SAMPLES // 8)
    return int.from_bytes(b"".join(high if value else low for value in values), "little")


def last_values(waveform, cycles):
    """The value at the end of each cycle."""
    data = waveform.to_bytes(cycles * SAMPLES // 8, "little")
    return [data[(cycle + 1) * SAMPLES // 8 - 1] >> 7 for cycle in range(cycles)]


def delayed(waveform, samples, ones):
    """Before the first sample the net was what it is then."""
    before = (1 << samples) - 1 if waveform & 1 else 0
    return (waveform << samples | before) & ones


def without_high_pulses(waveform, width, length):
    """Without those shorter than `width` samples; others stay as they are. What is high at the
    first or the last of the `length` samples has been or stays so for long."""
    margin = (1 << width) - 1
    kept = waveform << width
    if waveform & 1:
        kept |= margin
    if waveform >> length - 1:
        kept |= margin << width + length
    for grow in (False, True):
        done = 1
        while done < width:
            step = min(done, width - done)
            kept = kept | kept >> step if grow else kept & kept << step
            done += step
    return kept >> width & (1 << length) - 1


def inertial(waveform, width, ones):
    """Without high pulses and then without low pulses shorter than `width` samples."""
    if width < 2:
        return waveform
    length = ones.bit_length()
    filtered = without_high_pulses(waveform, width, length)
    return ones ^ without_high_pulses(ones ^ filtered, width, length)


def toggles(waveform, cycles):
    return ((waveform ^ waveform >> 1) & (1 << cycles * SAMPLES - 1) - 1).bit_count()


class Gate:
    """The waveform of a gate's output; the delays of its inputs are in samples."""

    def __init__(self, function, delays):
        self.pins = boolean.pins(function)
        self.delays = [max(1, delays[pin]) for pin in self.pins]
        self.width = round(sum(self.delays) / len(self.delays)) if self.delays else 0
        self.function = eval(f"lambda ones, {', '.join(self.pins)}: {boolean.python(function)}"
                             if self.pins else f"lambda ones: {boolean.python(function)}")

    def output(self, inputs, ones):
        shifted = [delayed(wave, delay, ones) for wave, delay in zip(inputs, self.delays)]
        return inertial(self.function(ones, *shifted), self.width, ones)
