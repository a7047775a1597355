// SPDX-License-Identifier: Apache-2.0
// What an accumulator of BITS bits keeps of an exact sum of EXACT_BITS > BITS bits, both two's
// complement, and whether this add is an overflow event: the exact sum does not fit.
module accumulator_rule #(
    parameter int EXACT_BITS = 17,
    parameter int BITS = 16,
    parameter [63:0] OVERFLOW = "saturate"  // "wrap" keeps the low bits
) (
    input  logic [EXACT_BITS-1:0] exact,
    output logic [BITS-1:0] kept,
    output logic overflow
);
    logic negative;

    assign negative = exact[EXACT_BITS-1];
    assign overflow = exact[EXACT_BITS-1:BITS-1] != {(EXACT_BITS - BITS + 1) {negative}};

    generate
        if (OVERFLOW == "saturate") begin : saturate
            assign kept = overflow ? {negative, {(BITS - 1) {!negative}}} : exact[BITS-1:0];
        end else begin : wrap
            assign kept = exact[BITS-1:0];
        end
    endgenerate
endmodule
