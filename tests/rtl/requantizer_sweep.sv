// SPDX-License-Identifier: Apache-2.0
// Requantizers of every width 2..16; [signed codes][floor][width - 2].
module requantizer_sweep #(
    localparam int WIDTHS = 15
) (
    input  logic [31:0] value,
    input  logic [31:0] step,
    input  logic [15:0] zero_point[2][WIDTHS],     // low bits
    output logic [15:0] code[2][2][WIDTHS]         // low bits, zeros above
);
    generate
        for (genvar is_signed = 0; is_signed < 2; is_signed++) begin : signs
            for (genvar floors = 0; floors < 2; floors++) begin : roundings
                for (genvar n = 0; n < WIDTHS; n++) begin : widths
                    logic [n+1:0] made;
                    requantizer #(
                        .ACTIVATION_BITS(n + 2),
                        .ACTIVATION_SIGNED(is_signed == 1),
                        .ROUNDING(floors == 1 ? "floor" : "nearest")
                    ) tested (
                        .value(value),
                        .step(step),
                        .zero_point(zero_point[is_signed][n][n+1:0]),
                        .code(made)
                    );
                    assign code[is_signed][floors][n] = 16'(made);
                end
            end
        end
    endgenerate
endmodule
