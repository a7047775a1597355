// SPDX-License-Identifier: Apache-2.0
// One step of the outer accumulator, combinational: `sum` is what it keeps of `start` plus the
// inner accumulator's value at the end of a tile.
module outer_step #(
    parameter int INNER_BITS = 16,
    parameter int OUTER_BITS = 24,
    parameter [63:0] OVERFLOW = "saturate"
) (
    input  logic [INNER_BITS-1:0] inner,
    input  logic [OUTER_BITS-1:0] start,
    output logic [OUTER_BITS-1:0] sum,
    output logic overflow
);
    localparam int EXACT_BITS = (INNER_BITS > OUTER_BITS ? INNER_BITS : OUTER_BITS) + 1;

    logic [EXACT_BITS-1:0] exact;
    assign exact = {{(EXACT_BITS - OUTER_BITS) {start[OUTER_BITS-1]}}, start}
        + {{(EXACT_BITS - INNER_BITS) {inner[INNER_BITS-1]}}, inner};
    accumulator_rule #(
        .EXACT_BITS(EXACT_BITS),
        .BITS(OUTER_BITS),
        .OVERFLOW(OVERFLOW)
    ) rule (
        .exact(exact),
        .kept(sum),
        .overflow(overflow)
    );
endmodule
