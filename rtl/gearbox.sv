// SPDX-License-Identifier: Apache-2.0
// A stream of bits in words of IN_BITS becomes the same stream in words of OUT_BITS, low bits
// first. After `in_last` the rest leaves, its last word filled up with zeros, and a new stream may
// begin. It takes a word and gives a word every cycle, whichever of both is the wider.
module gearbox #(
    parameter int IN_BITS = 64,
    parameter int OUT_BITS = 48
) (
    input  logic clock,
    input  logic reset,
    input  logic in_valid,
    output logic in_ready,
    input  logic in_last,
    input  logic [IN_BITS-1:0] in,
    output logic out_valid,
    input  logic out_ready,
    output logic out_last,
    output logic [OUT_BITS-1:0] out
);
    localparam int CAPACITY = IN_BITS + OUT_BITS;
    // The stream's bits come and go in multiples of UNIT, so a shifter need not move them by less.
    localparam int UNIT = common_divisor(IN_BITS, OUT_BITS);
    localparam int IN_UNITS = IN_BITS / UNIT;
    localparam int OUT_UNITS = OUT_BITS / UNIT;
    localparam int COUNT_BITS = $clog2(CAPACITY / UNIT + 1);

    function automatic int common_divisor(input int a, input int b);
        int rest;
        while (b != 0) begin
            rest = a % b;
            a = b;
            b = rest;
        end
        common_divisor = a;
    endfunction

    logic [CAPACITY-1:0] held, kept;  // oldest bits lowest; zeros above `level`
    logic [COUNT_BITS-1:0] level, level_kept;  // units in `held`
    logic ended;  // the last word of the stream is in `held`
    logic gives, takes;

    assign out = held[OUT_BITS-1:0];
    assign out_valid = level >= COUNT_BITS'(OUT_UNITS) || (ended && level != 0);
    assign out_last = ended && level <= COUNT_BITS'(OUT_UNITS);
    assign gives = out_valid && out_ready;

    assign kept = gives ? held >> OUT_BITS : held;
    assign level_kept = !gives ? level : out_last ? '0 : level - COUNT_BITS'(OUT_UNITS);
    assign in_ready = !ended && level_kept <= COUNT_BITS'(OUT_UNITS);
    assign takes = in_valid && in_ready;

    always_ff @(posedge clock) begin
        held <= takes ? kept | (CAPACITY'(in) << (level_kept * UNIT)) : kept;
        level <= takes ? level_kept + COUNT_BITS'(IN_UNITS) : level_kept;
        ended <= ended ? !(gives && out_last) : takes && in_last;
        if (reset) begin
            held <= '0;
            level <= '0;
            ended <= 0;
        end
    end
endmodule
