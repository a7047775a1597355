// SPDX-License-Identifier: Apache-2.0
// Both arrays at a handful of design points, behind one set of ports of which each uses the low
// rows, columns, lanes and bits. Array i says its parameters itself.
module array_cases #(
    localparam int ARRAYS = 16,
    localparam int MOST_ROWS = 8,
    localparam int MOST_COLUMNS = 8,
    localparam int MOST_LANES = 16
) (
    input  logic clock,
    input  logic reset,
    input  logic start[ARRAYS],
    input  logic [15:0] depth,        // of an output-stationary fold
    input  logic [15:0] tokens,       // of a weight-stationary fold, and what it does to tiles
    input  logic tile_first,
    input  logic tile_last,
    input  logic outer_first,
    output logic ready[ARRAYS],
    output logic busy[ARRAYS],
    output logic fetch[ARRAYS],
    output logic fetch_weights[ARRAYS],  // these and the records: weight-stationary arrays only
    output logic fetch_outer[ARRAYS],
    input  logic [63:0] partial_inner[MOST_COLUMNS],
    input  logic [63:0] partial_outer[MOST_COLUMNS],
    output logic [63:0] results_inner[ARRAYS][MOST_COLUMNS],  // sign-extended, as results
    input  logic [7:0] activations[MOST_ROWS][MOST_LANES],
    input  logic [7:0] weights[MOST_COLUMNS][MOST_LANES],
    output logic results_valid[ARRAYS],
    output logic [63:0] results[ARRAYS][MOST_COLUMNS],  // sign-extended
    output logic [7:0] inner_events[ARRAYS],
    output logic [7:0] outer_events[ARRAYS],
    output logic [7:0] rows[ARRAYS],
    output logic [7:0] columns[ARRAYS],
    output logic [7:0] lanes[ARRAYS],
    output logic [7:0] weight_bits[ARRAYS],
    output logic [7:0] activation_bits[ARRAYS],
    output logic activation_signed[ARRAYS],
    output logic [7:0] inner_bits[ARRAYS],
    output logic [7:0] outer_bits[ARRAYS],
    output logic [15:0] tile_size[ARRAYS],
    output logic saturates[ARRAYS],
    output logic weights_stay[ARRAYS]
);
    typedef struct packed {
        bit [15:0] rows, columns, lanes;
        bit [15:0] weight_bits, activation_bits, activation_signed;
        bit [15:0] inner_bits, outer_bits, tile_size, saturates, weights_stay;
    } array_parameters;
    // The first is the array of configs/int6_acc16.yaml, smaller.
    localparam array_parameters [ARRAYS-1:0] DESIGNS = '{
        '{8, 8, 1, 6, 6, 0, 16, 21, 64, 1, 0},
        '{8, 8, 1, 5, 7, 1, 14, 15, 32, 0, 0},
        '{4, 4, 4, 8, 8, 0, 18, 20, 16, 1, 0},
        '{2, 3, 16, 4, 8, 1, 14, 16, 32, 0, 0},
        '{3, 5, 1, 2, 3, 0, 6, 7, 7, 1, 0},
        '{1, 1, 1, 4, 4, 0, 9, 9, 0, 0, 0},
        '{5, 1, 4, 3, 6, 1, 10, 10, 0, 1, 0},
        '{1, 6, 1, 7, 2, 1, 9, 11, 1, 1, 0},
        // Tiles of eight folds, half a column, a column, two folds, three of eight rows (two idle),
        // the whole depth, and of one product.
        '{8, 8, 1, 6, 6, 0, 16, 21, 64, 1, 1},
        '{8, 8, 1, 5, 7, 1, 14, 15, 4, 0, 1},
        '{4, 4, 4, 8, 8, 0, 18, 20, 16, 1, 1},
        '{2, 3, 16, 4, 8, 1, 14, 16, 64, 0, 1},
        '{8, 5, 1, 2, 3, 0, 6, 7, 3, 1, 1},
        '{1, 1, 1, 4, 4, 0, 9, 9, 0, 0, 1},
        '{5, 1, 4, 3, 6, 1, 10, 10, 0, 1, 1},
        '{3, 6, 1, 7, 2, 1, 9, 11, 1, 1, 1}
    };

    generate
        for (genvar i = 0; i < ARRAYS; i++) begin : arrays
            localparam array_parameters DESIGN = DESIGNS[ARRAYS-1-i];
            localparam int ROWS = 32'(DESIGN.rows);
            localparam int COLUMNS = 32'(DESIGN.columns);
            localparam int LANES = 32'(DESIGN.lanes);
            localparam int WEIGHT_BITS = 32'(DESIGN.weight_bits);
            localparam int ACTIVATION_BITS = 32'(DESIGN.activation_bits);
            localparam int INNER_BITS = 32'(DESIGN.inner_bits);
            localparam int OUTER_BITS = 32'(DESIGN.outer_bits);
            localparam int EVENT_BITS = $clog2(ROWS * COLUMNS + 1);
            logic [ROWS*LANES*ACTIVATION_BITS-1:0] activation_codes;
            logic [COLUMNS*LANES*WEIGHT_BITS-1:0] weight_codes;
            logic [COLUMNS*OUTER_BITS-1:0] sums, outer_records;
            logic [COLUMNS*INNER_BITS-1:0] inner_sums, inner_records;
            logic [EVENT_BITS-1:0] inner_count, outer_count;

            for (genvar lane = 0; lane < LANES; lane++) begin : operands
                for (genvar r = 0; r < ROWS; r++) begin : of_rows
                    assign activation_codes[(r*LANES+lane)*ACTIVATION_BITS+:ACTIVATION_BITS] =
                        activations[r][lane][ACTIVATION_BITS-1:0];
                end
                for (genvar c = 0; c < COLUMNS; c++) begin : of_columns
                    assign weight_codes[(c*LANES+lane)*WEIGHT_BITS+:WEIGHT_BITS] =
                        weights[c][lane][WEIGHT_BITS-1:0];
                end
            end
            for (genvar c = 0; c < MOST_COLUMNS; c++) begin : results_of
                if (c < COLUMNS) begin : column
                    assign results[i][c] = 64'($signed(sums[c*OUTER_BITS+:OUTER_BITS]));
                    assign results_inner[i][c] =
                        64'($signed(inner_sums[c*INNER_BITS+:INNER_BITS]));
                    assign inner_records[c*INNER_BITS+:INNER_BITS] = INNER_BITS'(partial_inner[c]);
                    assign outer_records[c*OUTER_BITS+:OUTER_BITS] = OUTER_BITS'(partial_outer[c]);
                end else begin : none
                    assign results[i][c] = 0;
                    assign results_inner[i][c] = 0;
                end
            end
            assign inner_events[i] = 8'(inner_count);
            assign outer_events[i] = 8'(outer_count);
            assign rows[i] = 8'(ROWS);
            assign columns[i] = 8'(COLUMNS);
            assign lanes[i] = 8'(LANES);
            assign weight_bits[i] = 8'(WEIGHT_BITS);
            assign activation_bits[i] = 8'(ACTIVATION_BITS);
            assign activation_signed[i] = DESIGN.activation_signed == 1;
            assign inner_bits[i] = 8'(INNER_BITS);
            assign outer_bits[i] = 8'(OUTER_BITS);
            assign tile_size[i] = DESIGN.tile_size;
            assign saturates[i] = DESIGN.saturates == 1;
            assign weights_stay[i] = DESIGN.weights_stay == 1;

            if (DESIGN.weights_stay == 0) begin : output_stationary
                output_stationary_array #(
                    .ROWS(ROWS),
                    .COLUMNS(COLUMNS),
                    .LANES(LANES),
                    .WEIGHT_BITS(WEIGHT_BITS),
                    .ACTIVATION_BITS(ACTIVATION_BITS),
                    .ACTIVATION_SIGNED(DESIGN.activation_signed == 1),
                    .INNER_BITS(INNER_BITS),
                    .OUTER_BITS(OUTER_BITS),
                    .TILE_SIZE(32'(DESIGN.tile_size)),
                    .OVERFLOW(DESIGN.saturates == 1 ? "saturate" : "wrap")
                ) tested (
                    .clock(clock),
                    .reset(reset),
                    .start(start[i]),
                    .depth(depth),
                    .ready(ready[i]),
                    .busy(busy[i]),
                    .fetch(fetch[i]),
                    .activations(activation_codes),
                    .weights(weight_codes),
                    .results_valid(results_valid[i]),
                    .results(sums),
                    .inner_events(inner_count),
                    .outer_events(outer_count)
                );
                assign fetch_weights[i] = 0;
                assign fetch_outer[i] = 0;
                assign inner_sums = '0;
            end else begin : weight_stationary
                weight_stationary_array #(
                    .ROWS(ROWS),
                    .COLUMNS(COLUMNS),
                    .LANES(LANES),
                    .WEIGHT_BITS(WEIGHT_BITS),
                    .ACTIVATION_BITS(ACTIVATION_BITS),
                    .ACTIVATION_SIGNED(DESIGN.activation_signed == 1),
                    .INNER_BITS(INNER_BITS),
                    .OUTER_BITS(OUTER_BITS),
                    .TILE_SIZE(32'(DESIGN.tile_size)),
                    .OVERFLOW(DESIGN.saturates == 1 ? "saturate" : "wrap")
                ) tested (
                    .clock(clock),
                    .reset(reset),
                    .start(start[i]),
                    .tokens(tokens),
                    .tile_first(tile_first),
                    .tile_last(tile_last),
                    .outer_first(outer_first),
                    .ready(ready[i]),
                    .busy(busy[i]),
                    .fetch_weights(fetch_weights[i]),
                    .weights(weight_codes),
                    .fetch(fetch[i]),
                    .activations(activation_codes),
                    .partial_inner(inner_records),
                    .fetch_outer(fetch_outer[i]),
                    .partial_outer(outer_records),
                    .results_valid(results_valid[i]),
                    .results_outer(sums),
                    .results_inner(inner_sums),
                    .inner_events(inner_count),
                    .outer_events(outer_count)
                );
            end
        end
    endgenerate
endmodule
