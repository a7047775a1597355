// SPDX-License-Identifier: Apache-2.0
// One step of the inner accumulator, combinational: `sum` is what it keeps of `start` plus the
// exact sum of LANES products.
module inner_step #(
    parameter int WEIGHT_BITS = 6,
    parameter int ACTIVATION_BITS = 6,
    parameter bit ACTIVATION_SIGNED = 0,
    parameter int LANES = 1,
    parameter int INNER_BITS = 16,
    parameter [63:0] OVERFLOW = "saturate"
) (
    input  logic [LANES*WEIGHT_BITS-1:0] weights,
    input  logic [LANES*ACTIVATION_BITS-1:0] activations,
    input  logic [INNER_BITS-1:0] start,
    output logic [INNER_BITS-1:0] sum,
    output logic overflow
);
    localparam int PRODUCT_BITS = WEIGHT_BITS + ACTIVATION_BITS;
    localparam int TREE_BITS = PRODUCT_BITS + $clog2(LANES);
    localparam int EXACT_BITS = (TREE_BITS > INNER_BITS ? TREE_BITS : INNER_BITS) + 1;

    logic [LANES*EXACT_BITS-1:0] bias;      // of each lane; all the same
    logic [LANES*EXACT_BITS-1:0] exact_to;  // with the products of lanes up to this one
    logic unused;
    assign unused = ^bias;

    generate
        for (genvar lane = 0; lane < LANES; lane++) begin : lanes
            logic [EXACT_BITS-1:0] addend;
            if (lane == 0) begin : first
                assign addend = {{(EXACT_BITS - INNER_BITS) {start[INNER_BITS-1]}}, start}
                    - EXACT_BITS'(LANES) * bias[EXACT_BITS-1:0];
            end else begin : other
                assign addend = exact_to[(lane-1)*EXACT_BITS+:EXACT_BITS];
            end
            partial_products #(
                .WEIGHT_BITS(WEIGHT_BITS),
                .ACTIVATION_BITS(ACTIVATION_BITS),
                .ACTIVATION_SIGNED(ACTIVATION_SIGNED),
                .SUM_BITS(EXACT_BITS)
            ) partial (
                .weight(weights[lane*WEIGHT_BITS+:WEIGHT_BITS]),
                .activation(activations[lane*ACTIVATION_BITS+:ACTIVATION_BITS]),
                .addend(addend),
                .sum(exact_to[lane*EXACT_BITS+:EXACT_BITS]),
                .bias(bias[lane*EXACT_BITS+:EXACT_BITS])
            );
        end
    endgenerate

    accumulator_rule #(
        .EXACT_BITS(EXACT_BITS),
        .BITS(INNER_BITS),
        .OVERFLOW(OVERFLOW)
    ) rule (
        .exact(exact_to[(LANES-1)*EXACT_BITS+:EXACT_BITS]),
        .kept(sum),
        .overflow(overflow)
    );
endmodule
