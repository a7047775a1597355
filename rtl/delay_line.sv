// SPDX-License-Identifier: Apache-2.0
// `out` is `in` of STAGES cycles ago. CLEARED lines start with zeros after a reset.
module delay_line #(
    parameter int WIDTH = 8,
    parameter int STAGES = 1,
    parameter bit CLEARED = 0
) (
    input  logic clock,
    input  logic reset,
    input  logic [WIDTH-1:0] in,
    output logic [WIDTH-1:0] out
);
    generate
        if (STAGES == 0) begin : wires
            logic unused;
            assign unused = clock ^ reset;
            assign out = in;
        end else begin : registers
            logic [STAGES*WIDTH-1:0] held;  // newest in the low bits
            always_ff @(posedge clock) begin
                held <= (STAGES * WIDTH)'({held, in});
                if (CLEARED && reset) held <= '0;
            end
            assign out = held[(STAGES-1)*WIDTH+:WIDTH];
        end
    endgenerate
endmodule
