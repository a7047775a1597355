// SPDX-License-Identifier: Apache-2.0
// The FMA unit: LANES products a step are summed exactly with the inner accumulator, which keeps
// INNER_BITS of the sum; one cycle after the last step of a tile its value is added to the outer
// accumulator, while the next tile's first step may already run. LANES = 1 is a plain FMA, more
// lanes are a dot unit with an adder tree.
//
// A step that does not use all lanes has zero operands in the others. Overflow events are seen in
// the cycle of their add: `inner_overflow` with its step, `outer_overflow` one cycle after the
// tile's last step. `outer` holds a tile's sum from the second cycle after its last step on.
module dot_unit #(
    parameter int WEIGHT_BITS = 6,
    parameter int ACTIVATION_BITS = 6,
    parameter bit ACTIVATION_SIGNED = 0,
    parameter int LANES = 1,
    parameter int INNER_BITS = 16,
    parameter int OUTER_BITS = 24,
    parameter [63:0] OVERFLOW = "saturate"
) (
    input  logic clock,
    input  logic reset,                        // synchronous: forgets a tile that is on its way
    input  logic step,                         // operands are there
    input  logic tile_first,                   // this step starts a tile
    input  logic tile_last,                    // this step ends a tile ...
    input  logic outer_first,                  // ... which is the first of its dot product
    input  logic [LANES*WEIGHT_BITS-1:0] weights,
    input  logic [LANES*ACTIVATION_BITS-1:0] activations,
    output logic [OUTER_BITS-1:0] outer,
    output logic inner_overflow,
    output logic outer_overflow
);
    logic [INNER_BITS-1:0] inner, inner_kept;
    logic inner_exceeds;
    logic [OUTER_BITS-1:0] outer_kept;
    logic outer_exceeds;
    logic hand_over, hand_over_first;  // `inner` is the sum of a whole tile, of the first tile

    inner_step #(
        .WEIGHT_BITS(WEIGHT_BITS),
        .ACTIVATION_BITS(ACTIVATION_BITS),
        .ACTIVATION_SIGNED(ACTIVATION_SIGNED),
        .LANES(LANES),
        .INNER_BITS(INNER_BITS),
        .OVERFLOW(OVERFLOW)
    ) inner_adder (
        .weights(weights),
        .activations(activations),
        .start(tile_first ? '0 : inner),
        .sum(inner_kept),
        .overflow(inner_exceeds)
    );
    assign inner_overflow = step && inner_exceeds;

    outer_step #(
        .INNER_BITS(INNER_BITS),
        .OUTER_BITS(OUTER_BITS),
        .OVERFLOW(OVERFLOW)
    ) outer_adder (
        .inner(inner),
        .start(hand_over_first ? '0 : outer),
        .sum(outer_kept),
        .overflow(outer_exceeds)
    );
    assign outer_overflow = hand_over && outer_exceeds;

    always_ff @(posedge clock) begin
        if (step) inner <= inner_kept;
        hand_over <= step && tile_last && !reset;
        hand_over_first <= outer_first;
        if (hand_over) outer <= outer_kept;
    end
endmodule
