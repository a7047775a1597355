// SPDX-License-Identifier: Apache-2.0
// Multipliers of all pairs of widths 2..8 on common ports; [0] unsigned, [1] signed activations.
module multiplier_sweep #(
    localparam int WIDTHS = 7
) (
    input  logic [7:0] weight,      // low bits
    input  logic [7:0] activation,  // low bits
    output logic [15:0] product[2][WIDTHS][WIDTHS]  // sign-extended; by weight and activation width
);
    generate
        for (genvar is_signed = 0; is_signed < 2; is_signed++) begin : signs
            for (genvar m = 0; m < WIDTHS; m++) begin : weights
                for (genvar n = 0; n < WIDTHS; n++) begin : activations
                    logic signed [m+n+3:0] exact;
                    multiplier #(
                        .WEIGHT_BITS(m + 2),
                        .ACTIVATION_BITS(n + 2),
                        .ACTIVATION_SIGNED(is_signed == 1)
                    ) tested (
                        .weight(weight[m+1:0]),
                        .activation(activation[n+1:0]),
                        .product(exact)
                    );
                    assign product[is_signed][m][n] = 16'(exact);
                end
            end
        end
    endgenerate
endmodule
