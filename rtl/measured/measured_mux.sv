// SPDX-License-Identifier: Apache-2.0
// What scripts/calibrate measures as a row of 2:1 multiplexers, a stage of a shifter.
module measured_mux #(
    parameter int BITS = 32
) (
    input  logic choice,
    input  logic [BITS-1:0] a,
    input  logic [BITS-1:0] b,
    output logic [BITS-1:0] chosen
);
    assign chosen = choice ? a : b;
endmodule
