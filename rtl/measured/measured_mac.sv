// SPDX-License-Identifier: Apache-2.0
// What scripts/calibrate measures as a multiply-accumulate: a unit of an array of one lane without
// its outer accumulator. Operands come out of registers, as from the neighbouring unit; the clock
// stands still when there is no step.
module measured_mac #(
    parameter int WEIGHT_BITS = 6,
    parameter int ACTIVATION_BITS = 6,
    parameter bit ACTIVATION_SIGNED = 1,
    parameter int INNER_BITS = 16,
    parameter [63:0] OVERFLOW = "saturate"
) (
    input  logic clock,
    input  logic tile_first,
    input  logic [WEIGHT_BITS-1:0] weight,
    input  logic [ACTIVATION_BITS-1:0] activation,
    output logic [INNER_BITS-1:0] inner
);
    logic first;
    logic [WEIGHT_BITS-1:0] held_weight;
    logic [ACTIVATION_BITS-1:0] held_activation;
    logic [INNER_BITS-1:0] sum;
    logic unused;

    inner_step #(
        .WEIGHT_BITS(WEIGHT_BITS),
        .ACTIVATION_BITS(ACTIVATION_BITS),
        .ACTIVATION_SIGNED(ACTIVATION_SIGNED),
        .INNER_BITS(INNER_BITS),
        .OVERFLOW(OVERFLOW)
    ) inner_adder (
        .weights(held_weight),
        .activations(held_activation),
        .start(first ? '0 : inner),
        .sum(sum),
        .overflow(unused)
    );
    always_ff @(posedge clock) begin
        first <= tile_first;
        held_weight <= weight;
        held_activation <= activation;
        inner <= sum;
    end
endmodule
