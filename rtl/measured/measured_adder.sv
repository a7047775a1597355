// SPDX-License-Identifier: Apache-2.0
// What scripts/calibrate measures as an adder: combinational, wrapping.
module measured_adder #(
    parameter int BITS = 16
) (
    input  logic [BITS-1:0] a,
    input  logic [BITS-1:0] b,
    output logic [BITS-1:0] sum
);
    assign sum = a + b;
endmodule
