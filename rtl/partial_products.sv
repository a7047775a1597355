// SPDX-License-Identifier: Apache-2.0
// The partial products of a two's complement weight and an activation, as one unsigned number:
// biased = weight * activation + bias, bias a constant of the parameters.
//
// A bit product of negative weight, -p 2^e, is (1 - p) 2^e - 2^e: inverting it (Baugh and Wooley,
// IEEE Trans. Computers, 1973) moves all signs into one constant. What is left is a sum of unsigned
// rows that cannot exceed WEIGHT_BITS + ACTIVATION_BITS bits, so an adder tree above this module
// needs no sign extension, and synthesis may merge the rows of many products into one tree.
module partial_products #(
    parameter int WEIGHT_BITS = 6,
    parameter int ACTIVATION_BITS = 6,
    parameter bit ACTIVATION_SIGNED = 0  // else the codes are 0 .. 2^ACTIVATION_BITS - 1
) (
    input  logic [WEIGHT_BITS-1:0] weight,
    input  logic [ACTIVATION_BITS-1:0] activation,
    output logic [WEIGHT_BITS+ACTIVATION_BITS-1:0] biased,
    output logic [WEIGHT_BITS+ACTIVATION_BITS-1:0] bias
);
    localparam int BITS = WEIGHT_BITS + ACTIVATION_BITS;
    // The sum of 2^(i+j) over the bit products that are subtracted: those of exactly one sign bit.
    localparam bit [BITS-1:0] WEIGHT_SIGN = BITS'(1) << (WEIGHT_BITS - 1);
    localparam bit [BITS-1:0] ACTIVATION_SIGN = BITS'(1) << (ACTIVATION_BITS - 1);
    localparam bit [BITS-1:0] BIAS = ACTIVATION_SIGNED
        ? WEIGHT_SIGN * (ACTIVATION_SIGN - 1) + ACTIVATION_SIGN * (WEIGHT_SIGN - 1)
        : WEIGHT_SIGN * (2 * ACTIVATION_SIGN - 1);

    assign bias = BIAS;

    always_comb begin
        biased = '0;
        for (int j = 0; j < ACTIVATION_BITS; j++) begin
            logic [WEIGHT_BITS-1:0] row;
            logic row_negative;
            row_negative = ACTIVATION_SIGNED && j == ACTIVATION_BITS - 1;
            row = weight & {WEIGHT_BITS{activation[j]}};
            row = row ^ {!row_negative, {(WEIGHT_BITS - 1) {row_negative}}};
            biased = biased + (BITS'(row) << j);
        end
    end
endmodule
