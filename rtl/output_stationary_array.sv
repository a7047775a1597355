// SPDX-License-Identifier: Apache-2.0
// ROWS x COLUMNS dot units, each of which keeps the sum of one output while the operands stream
// past: activations from the left, weights from the top. One fold is ROWS tokens x COLUMNS output
// channels through the whole depth. The operands of step s meet in unit (r, c) in cycle s + r + c,
// so a fold takes steps + ROWS + COLUMNS - 2 cycles, during which `busy` is high.
//
// A fold begins in the cycle after `start` is seen with `ready`, which is high while idle and in a
// fold's last cycle: folds follow each other without a gap. In a cycle with `fetch`, `activations`
// and `weights` are the operands of the next step of all rows and columns (LANES codes each, the
// earliest in the low bits), as from the head of a FIFO; skewing them is done here. Lanes beyond
// `depth` are ignored.
//
// Results leave row by row, the first token first, on `results` while `results_valid`. They shift
// out of registers of their own in ROWS cycles, from the third cycle after a fold on; since a fold
// is no shorter than that, draining never delays the next one.
module output_stationary_array #(
    parameter int ROWS = 8,
    parameter int COLUMNS = 8,
    parameter int LANES = 1,
    parameter int WEIGHT_BITS = 6,
    parameter int ACTIVATION_BITS = 6,
    parameter bit ACTIVATION_SIGNED = 0,
    parameter int INNER_BITS = 16,
    parameter int OUTER_BITS = 24,
    parameter int TILE_SIZE = 64,  // a multiple of LANES; 0: monolithic, one tile
    parameter [63:0] OVERFLOW = "saturate",
    parameter int DEPTH_BITS = 16
) (
    input  logic clock,
    input  logic reset,
    input  logic start,
    input  logic [DEPTH_BITS-1:0] depth,  // with `start`: products of a dot product, at least 1
    output logic ready,
    output logic busy,
    output logic fetch,
    input  logic [ROWS*LANES*ACTIVATION_BITS-1:0] activations,
    input  logic [COLUMNS*LANES*WEIGHT_BITS-1:0] weights,
    output logic results_valid,
    output logic [COLUMNS*OUTER_BITS-1:0] results,
    // Units with an overflow event in this cycle.
    output logic [$clog2(ROWS*COLUMNS+1)-1:0] inner_events,
    output logic [$clog2(ROWS*COLUMNS+1)-1:0] outer_events
);
    localparam int ROW_BITS = LANES * ACTIVATION_BITS;
    localparam int COLUMN_BITS = LANES * WEIGHT_BITS;
    localparam int FLAGS = 4;
    localparam int EVENT_BITS = $clog2(ROWS * COLUMNS + 1);

    logic [FLAGS-1:0] flags;  // step, tile_first, tile_last, outer_first
    logic [LANES-1:0] lane_used;
    logic fold_last;  // the last cycle of a fold

    array_control #(
        .LANES(LANES),
        .TILE_SIZE(TILE_SIZE),
        .SKEW(ROWS + COLUMNS - 2),
        .DEPTH_BITS(DEPTH_BITS)
    ) control (
        .clock(clock),
        .reset(reset),
        .start(start),
        .depth(depth),
        .ready(ready),
        .busy(busy),
        .fold_last(fold_last),
        .step(flags[0]),
        .tile_first(flags[1]),
        .tile_last(flags[2]),
        .outer_first(flags[3]),
        .lane_used(lane_used)
    );
    assign fetch = flags[0];

    // What enters unit (r, c) from the left and from the top, at [r * COLUMNS + c].
    logic [ROWS*COLUMNS*ROW_BITS-1:0] activation_at;
    logic [ROWS*COLUMNS*FLAGS-1:0] flags_at;
    logic [ROWS*COLUMNS*COLUMN_BITS-1:0] weight_at;
    logic [ROWS*COLUMNS*OUTER_BITS-1:0] outer;
    logic [ROWS*COLUMNS-1:0] inner_overflow, outer_overflow;
    logic [ROW_BITS-1:0] lane_mask;

    generate
        for (genvar lane = 0; lane < LANES; lane++) begin : masks
            assign lane_mask[lane*ACTIVATION_BITS+:ACTIVATION_BITS] =
                {ACTIVATION_BITS{lane_used[lane]}};
        end
        for (genvar r = 0; r < ROWS; r++) begin : left
            delay_line #(.WIDTH(ROW_BITS), .STAGES(r)) skew (
                .clock(clock),
                .reset(reset),
                .in(activations[r*ROW_BITS+:ROW_BITS] & lane_mask),
                .out(activation_at[r*COLUMNS*ROW_BITS+:ROW_BITS])
            );
            delay_line #(.WIDTH(FLAGS), .STAGES(r), .CLEARED(1)) flags_skew (
                .clock(clock),
                .reset(reset),
                .in(flags),
                .out(flags_at[r*COLUMNS*FLAGS+:FLAGS])
            );
        end
        for (genvar c = 0; c < COLUMNS; c++) begin : top
            delay_line #(.WIDTH(COLUMN_BITS), .STAGES(c)) skew (
                .clock(clock),
                .reset(reset),
                .in(weights[c*COLUMN_BITS+:COLUMN_BITS]),
                .out(weight_at[c*COLUMN_BITS+:COLUMN_BITS])
            );
        end
        for (genvar r = 0; r < ROWS; r++) begin : rows
            for (genvar c = 0; c < COLUMNS; c++) begin : columns
                logic [FLAGS-1:0] unit_flags;
                assign unit_flags = flags_at[(r*COLUMNS+c)*FLAGS+:FLAGS];
                dot_unit #(
                    .WEIGHT_BITS(WEIGHT_BITS),
                    .ACTIVATION_BITS(ACTIVATION_BITS),
                    .ACTIVATION_SIGNED(ACTIVATION_SIGNED),
                    .LANES(LANES),
                    .INNER_BITS(INNER_BITS),
                    .OUTER_BITS(OUTER_BITS),
                    .OVERFLOW(OVERFLOW)
                ) unit (
                    .clock(clock),
                    .reset(reset),
                    .step(unit_flags[0]),
                    .tile_first(unit_flags[1]),
                    .tile_last(unit_flags[2]),
                    .outer_first(unit_flags[3]),
                    .weights(weight_at[(r*COLUMNS+c)*COLUMN_BITS+:COLUMN_BITS]),
                    .activations(activation_at[(r*COLUMNS+c)*ROW_BITS+:ROW_BITS]),
                    .outer(outer[(r*COLUMNS+c)*OUTER_BITS+:OUTER_BITS]),
                    .inner_overflow(inner_overflow[r*COLUMNS+c]),
                    .outer_overflow(outer_overflow[r*COLUMNS+c])
                );
                if (c + 1 < COLUMNS) begin : to_the_right
                    delay_line #(.WIDTH(ROW_BITS)) codes (
                        .clock(clock),
                        .reset(reset),
                        .in(activation_at[(r*COLUMNS+c)*ROW_BITS+:ROW_BITS]),
                        .out(activation_at[(r*COLUMNS+c+1)*ROW_BITS+:ROW_BITS])
                    );
                    delay_line #(.WIDTH(FLAGS), .CLEARED(1)) flags_of_step (
                        .clock(clock),
                        .reset(reset),
                        .in(unit_flags),
                        .out(flags_at[(r*COLUMNS+c+1)*FLAGS+:FLAGS])
                    );
                end
                if (r + 1 < ROWS) begin : down
                    delay_line #(.WIDTH(COLUMN_BITS)) codes (
                        .clock(clock),
                        .reset(reset),
                        .in(weight_at[(r*COLUMNS+c)*COLUMN_BITS+:COLUMN_BITS]),
                        .out(weight_at[((r+1)*COLUMNS+c)*COLUMN_BITS+:COLUMN_BITS])
                    );
                end
            end
        end
    endgenerate

    always_comb begin
        inner_events = '0;
        outer_events = '0;
        for (int i = 0; i < ROWS * COLUMNS; i++) begin
            inner_events = inner_events + EVENT_BITS'(inner_overflow[i]);
            outer_events = outer_events + EVENT_BITS'(outer_overflow[i]);
        end
    end

    // The last unit's last outer add is in the cycle after the fold's last one, its sum is there in
    // the second, and no unit's sum changes again before the end of that.
    logic capture;
    delay_line #(.WIDTH(1), .STAGES(2), .CLEARED(1)) to_capture (
        .clock(clock),
        .reset(reset),
        .in(fold_last),
        .out(capture)
    );
    logic [ROWS*COLUMNS*OUTER_BITS-1:0] draining;  // next row in the low bits
    logic [ROWS-1:0] rows_left;                    // ones, as many as rows
    always_ff @(posedge clock) begin
        draining <= capture ? outer : draining >> (COLUMNS * OUTER_BITS);
        rows_left <= reset ? '0 : capture ? '1 : rows_left >> 1;
    end
    assign results_valid = rows_left[0];
    assign results = draining[COLUMNS*OUTER_BITS-1:0];
endmodule
