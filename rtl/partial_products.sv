// SPDX-License-Identifier: Apache-2.0
// sum = addend + weight * activation + bias, all of SUM_BITS and modulo their range; `bias` is a
// constant of the parameters. The weight is two's complement.
//
// A bit product of negative weight, -p 2^e, is (1 - p) 2^e - 2^e: inverting it (Baugh and Wooley,
// IEEE Trans. Computers, 1973) moves all signs into one constant. What is left is a sum of unsigned
// rows, without sign extension. The rows are added to `addend` one after the other, at its full
// width: only then does synthesis merge all of them, and those of further lanes, into one tree.
module partial_products #(
    parameter int WEIGHT_BITS = 6,
    parameter int ACTIVATION_BITS = 6,
    parameter bit ACTIVATION_SIGNED = 0,  // else the codes are 0 .. 2^ACTIVATION_BITS - 1
    parameter int SUM_BITS = WEIGHT_BITS + ACTIVATION_BITS  // at least so many
) (
    input  logic [WEIGHT_BITS-1:0] weight,
    input  logic [ACTIVATION_BITS-1:0] activation,
    input  logic [SUM_BITS-1:0] addend,
    output logic [SUM_BITS-1:0] sum,
    output logic [SUM_BITS-1:0] bias
);
    // The sum of 2^(i+j) over the bit products that are subtracted: those of exactly one sign bit.
    localparam bit [SUM_BITS-1:0] WEIGHT_SIGN = SUM_BITS'(1) << (WEIGHT_BITS - 1);
    localparam bit [SUM_BITS-1:0] ACTIVATION_SIGN = SUM_BITS'(1) << (ACTIVATION_BITS - 1);
    localparam bit [SUM_BITS-1:0] BIAS = ACTIVATION_SIGNED
        ? WEIGHT_SIGN * (ACTIVATION_SIGN - 1) + ACTIVATION_SIGN * (WEIGHT_SIGN - 1)
        : WEIGHT_SIGN * (2 * ACTIVATION_SIGN - 1);

    assign bias = BIAS;

    always_comb begin
        sum = addend;
        for (int j = 0; j < ACTIVATION_BITS; j++) begin
            logic [WEIGHT_BITS-1:0] row;
            logic row_negative;
            row_negative = ACTIVATION_SIGNED && j == ACTIVATION_BITS - 1;
            row = weight & {WEIGHT_BITS{activation[j]}};
            row = row ^ {!row_negative, {(WEIGHT_BITS - 1) {row_negative}}};
            sum = sum + (SUM_BITS'(row) << j);
        end
    end
endmodule
