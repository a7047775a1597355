// SPDX-License-Identifier: Apache-2.0
// The M x N multiplier: product = weight * activation in two's complement, exact.
module multiplier #(
    parameter int WEIGHT_BITS = 6,
    parameter int ACTIVATION_BITS = 6,
    parameter bit ACTIVATION_SIGNED = 0
) (
    input  logic [WEIGHT_BITS-1:0] weight,
    input  logic [ACTIVATION_BITS-1:0] activation,
    output logic [WEIGHT_BITS+ACTIVATION_BITS-1:0] product
);
    logic [WEIGHT_BITS+ACTIVATION_BITS-1:0] bias;

    partial_products #(
        .WEIGHT_BITS(WEIGHT_BITS),
        .ACTIVATION_BITS(ACTIVATION_BITS),
        .ACTIVATION_SIGNED(ACTIVATION_SIGNED)
    ) partial (
        .weight(weight),
        .activation(activation),
        .addend(-bias),
        .sum(product),
        .bias(bias)
    );
endmodule
