// SPDX-License-Identifier: Apache-2.0
// Dot units of all pairs of widths 2..8, signed and unsigned activations, wrapping and saturating,
// behind one set of ports. Unit i says its parameters itself, so the test lists none of them.
module dot_unit_sweep #(
    parameter int LANES = 1,
    parameter int INNER_BITS = 0,  // 0: 6..24, one width for each unit
    localparam int WIDTHS = 7,
    localparam int UNITS = WIDTHS * WIDTHS * 2 * 2
) (
    input  logic clock,
    input  logic reset,
    input  logic step,
    input  logic tile_first,
    input  logic tile_last,
    input  logic outer_first,
    // Operands of 2 + index bits, LANES of them in the low bits; unsigned and signed activations.
    input  logic [8*LANES-1:0] weights[WIDTHS],
    input  logic [8*LANES-1:0] activations[2][WIDTHS],
    output logic [63:0] outer[UNITS],                   // sign-extended
    output logic inner_overflow[UNITS],
    output logic outer_overflow[UNITS],
    output logic [7:0] weight_bits[UNITS],
    output logic [7:0] activation_bits[UNITS],
    output logic activation_signed[UNITS],
    output logic saturates[UNITS],
    output logic [7:0] inner_bits[UNITS],               // 0: such a unit cannot be
    output logic [7:0] outer_bits[UNITS]
);
    generate
        for (genvar i = 0; i < UNITS; i++) begin : units
            localparam int M = 2 + i % WIDTHS;
            localparam int N = 2 + i / WIDTHS % WIDTHS;
            localparam bit SIGNED = i / (WIDTHS * WIDTHS) % 2 == 1;
            localparam bit SATURATES = i / (WIDTHS * WIDTHS * 2) == 1;
            // An inner accumulator holds one product. Where one width is tried, it is close to that
            // in every other unit, so that sums overflow.
            localparam int LEAST = M + N < 6 ? 6 : M + N;
            localparam int CHOSEN =
                LEAST + (5 * M + 3 * N + 11 * SIGNED) % ((M + N) % 2 == 1 ? 3 : 25 - LEAST);
            localparam int INNER = INNER_BITS == 0 ? CHOSEN : INNER_BITS;
            localparam int OUTER = INNER - 1 + (M + 2 * N) % 5;

            assign weight_bits[i] = 8'(M);
            assign activation_bits[i] = 8'(N);
            assign activation_signed[i] = SIGNED;
            assign saturates[i] = SATURATES;
            assign outer_bits[i] = 8'(OUTER);
            if (INNER >= LEAST) begin : unit
                logic signed [OUTER-1:0] sum;
                dot_unit #(
                    .WEIGHT_BITS(M),
                    .ACTIVATION_BITS(N),
                    .ACTIVATION_SIGNED(SIGNED),
                    .LANES(LANES),
                    .INNER_BITS(INNER),
                    .OUTER_BITS(OUTER),
                    .OVERFLOW(SATURATES ? "saturate" : "wrap")
                ) tested (
                    .clock(clock),
                    .reset(reset),
                    .step(step),
                    .tile_first(tile_first),
                    .tile_last(tile_last),
                    .outer_first(outer_first),
                    .weights(weights[M-2][LANES*M-1:0]),
                    .activations(activations[SIGNED][N-2][LANES*N-1:0]),
                    .outer(sum),
                    .inner_overflow(inner_overflow[i]),
                    .outer_overflow(outer_overflow[i])
                );
                assign outer[i] = 64'(sum);
                assign inner_bits[i] = 8'(INNER);
            end else begin : none
                assign outer[i] = 0;
                assign inner_overflow[i] = 0;
                assign outer_overflow[i] = 0;
                assign inner_bits[i] = 0;
            end
        end
    endgenerate
endmodule
