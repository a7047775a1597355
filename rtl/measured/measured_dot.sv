// SPDX-License-Identifier: Apache-2.0
// What scripts/calibrate measures as a dot unit: dot_unit.sv with the registers through which its
// operands and flags come, as in an array. The clock stands still when there is no step.
module measured_dot #(
    parameter int WEIGHT_BITS = 6,
    parameter int ACTIVATION_BITS = 6,
    parameter bit ACTIVATION_SIGNED = 1,
    parameter int LANES = 4,
    parameter int INNER_BITS = 16,
    parameter int OUTER_BITS = 32,
    parameter [63:0] OVERFLOW = "wrap"
) (
    input  logic clock,
    input  logic tile_first,
    input  logic tile_last,
    input  logic outer_first,
    input  logic [LANES*WEIGHT_BITS-1:0] weights,
    input  logic [LANES*ACTIVATION_BITS-1:0] activations,
    output logic [OUTER_BITS-1:0] outer
);
    logic held_first, held_last, held_outer_first;
    logic [LANES*WEIGHT_BITS-1:0] held_weights;
    logic [LANES*ACTIVATION_BITS-1:0] held_activations;
    logic [1:0] unused;

    dot_unit #(
        .WEIGHT_BITS(WEIGHT_BITS),
        .ACTIVATION_BITS(ACTIVATION_BITS),
        .ACTIVATION_SIGNED(ACTIVATION_SIGNED),
        .LANES(LANES),
        .INNER_BITS(INNER_BITS),
        .OUTER_BITS(OUTER_BITS),
        .OVERFLOW(OVERFLOW)
    ) unit (
        .clock(clock),
        .reset(1'b0),
        .step(1'b1),
        .tile_first(held_first),
        .tile_last(held_last),
        .outer_first(held_outer_first),
        .weights(held_weights),
        .activations(held_activations),
        .outer(outer),
        .inner_overflow(unused[0]),
        .outer_overflow(unused[1])
    );
    always_ff @(posedge clock) begin
        held_first <= tile_first;
        held_last <= tile_last;
        held_outer_first <= outer_first;
        held_weights <= weights;
        held_activations <= activations;
    end
endmodule
