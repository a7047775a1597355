// SPDX-License-Identifier: Apache-2.0
// ROWS x COLUMNS units, each of which holds LANES weights of one output channel while the tokens
// stream past: a column holds ROWS * LANES consecutive products of a channel. One fold is that much
// depth of COLUMNS channels for `tokens` tokens. Its weights shift in from the top in ROWS cycles;
// then token t meets row r of column c in cycle t + r + c, so a fold takes
// ROWS + tokens + ROWS + COLUMNS - 2 cycles, during which `busy` is high.
//
// The inner sum of a tile runs down the column, a step a row. With a tile no deeper than a column,
// as many whole tiles as fit lie in it, the rows below them idle: each starts from 0 and is added
// to the outer sum, which runs beside it, at its end. A deeper tile takes several folds: its inner
// sum starts from what the fold before it left (from 0 where `tile_first`) and is added to the
// outer sum at the foot of the column where `tile_last`. What a fold leaves of each token are the
// columns' outer and inner sums, a record; `outer_first` starts outer sums from 0.
//
// A fold begins in the cycle after `start` is seen with `ready`. In a cycle with `fetch_weights`,
// `weights` are those of a row of units, the lowest row first. In a cycle with `fetch`,
// `activations` (ROWS * LANES codes, row 0 in the low bits) and `partial_inner` are those of the
// next token; with `fetch_outer`, `partial_outer` is. Products that are not there have zero
// weights. Records leave in the order of the tokens, while `results_valid`, the last one two cycles
// after the fold; with ROWS = 1 the next fold may ask for one in the cycle in which it leaves.
module weight_stationary_array #(
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
    parameter int TOKEN_BITS = 16
) (
    input  logic clock,
    input  logic reset,
    input  logic start,
    input  logic [TOKEN_BITS-1:0] tokens,  // with `start`: at least 1; the flags of the fold
    input  logic tile_first,
    input  logic tile_last,
    input  logic outer_first,
    output logic ready,
    output logic busy,
    output logic fetch_weights,
    input  logic [COLUMNS*LANES*WEIGHT_BITS-1:0] weights,
    output logic fetch,
    input  logic [ROWS*LANES*ACTIVATION_BITS-1:0] activations,
    input  logic [COLUMNS*INNER_BITS-1:0] partial_inner,
    output logic fetch_outer,
    input  logic [COLUMNS*OUTER_BITS-1:0] partial_outer,
    output logic results_valid,
    output logic [COLUMNS*OUTER_BITS-1:0] results_outer,
    output logic [COLUMNS*INNER_BITS-1:0] results_inner,
    // Adds with an overflow event in this cycle.
    output logic [$clog2(ROWS*COLUMNS+1)-1:0] inner_events,
    output logic [$clog2(ROWS*COLUMNS+1)-1:0] outer_events
);
    localparam int ROW_BITS = LANES * ACTIVATION_BITS;
    localparam int UNIT_BITS = LANES * WEIGHT_BITS;
    localparam int SKEW = ROWS + COLUMNS - 2;
    localparam int EVENT_BITS = $clog2(ROWS * COLUMNS + 1);
    localparam int ROW_COUNT_BITS = $clog2(ROWS + 1);
    localparam int SKEW_COUNT_BITS = $clog2(SKEW + 2);
    localparam bit DEEP_TILE = TILE_SIZE == 0 || TILE_SIZE / LANES > ROWS;
    localparam int TILE_ROWS = DEEP_TILE ? ROWS : TILE_SIZE / LANES;
    localparam int USED_ROWS = ROWS / TILE_ROWS * TILE_ROWS;
    localparam int FLAGS = 3;

    // The phases of a fold: weights, tokens, the way of the last token to the far corner.
    logic [ROW_COUNT_BITS-1:0] rows_left;
    logic [TOKEN_BITS-1:0] tokens_left;
    logic [SKEW_COUNT_BITS-1:0] skew_left;
    logic [FLAGS-1:0] flags;  // tile_first, tile_last, outer_first of the fold
    logic last_token;

    assign fetch_weights = rows_left != 0;
    assign fetch = !fetch_weights && tokens_left != 0;
    assign last_token = fetch && tokens_left == 1;
    assign busy = fetch_weights || tokens_left != 0 || skew_left != 0;
    assign ready = !busy || (SKEW == 0 ? last_token : skew_left == 1);

    always_ff @(posedge clock) begin
        if (fetch_weights) rows_left <= rows_left - 1;
        if (fetch) tokens_left <= tokens_left - 1;
        skew_left <= last_token ? SKEW_COUNT_BITS'(SKEW) : skew_left != 0 ? skew_left - 1 : '0;
        if (start && ready) begin
            rows_left <= ROW_COUNT_BITS'(ROWS);
            tokens_left <= tokens;
            flags <= {outer_first, tile_last, tile_first};
        end
        if (reset) begin
            rows_left <= '0;
            tokens_left <= '0;
            skew_left <= '0;
        end
    end

    logic unused;  // the codes of idle rows
    assign unused = ^activations;
    generate
        if (TILE_SIZE % LANES != 0) begin : bad_tile_size
            $error("TILE_SIZE must be a multiple of LANES");
        end
    endgenerate

    // A token and its flags go down the rows of column 0 and from there to the right.
    logic [(ROWS+2)*(FLAGS+1)-1:0] token_at;  // at the inputs of row r of column 0; lowest: valid
    logic [USED_ROWS*COLUMNS-1:0] inner_overflow;
    logic [USED_ROWS/TILE_ROWS*COLUMNS-1:0] outer_overflow;
    generate
        assign token_at[FLAGS:0] = {flags, fetch};
        for (genvar r = 0; r < ROWS + 1; r++) begin : down
            delay_line #(.WIDTH(FLAGS + 1), .CLEARED(1)) token (
                .clock(clock),
                .reset(reset),
                .in(token_at[r*(FLAGS+1)+:FLAGS+1]),
                .out(token_at[(r+1)*(FLAGS+1)+:FLAGS+1])
            );
        end
    endgenerate
    assign fetch_outer = token_at[TILE_ROWS*(FLAGS+1)];

    generate
        for (genvar c = 0; c < COLUMNS; c++) begin : columns
            logic [(USED_ROWS+1)*INNER_BITS-1:0] inner_at;  // into row r, and out of the last
            logic [USED_ROWS/TILE_ROWS*OUTER_BITS-1:0] outer_at;  // behind each tile
            logic [USED_ROWS*UNIT_BITS-1:0] held;

            delay_line #(.WIDTH(INNER_BITS), .STAGES(c)) inner_skew (
                .clock(clock),
                .reset(reset),
                .in(partial_inner[c*INNER_BITS+:INNER_BITS]),
                .out(inner_at[INNER_BITS-1:0])
            );
            for (genvar r = 0; r < USED_ROWS; r++) begin : rows
                logic [ROW_BITS-1:0] codes;
                logic valid, opens, exceeds;
                logic [INNER_BITS-1:0] sum, below;
                delay_line #(.WIDTH(ROW_BITS), .STAGES(r + c)) activation_skew (
                    .clock(clock),
                    .reset(reset),
                    .in(activations[r*ROW_BITS+:ROW_BITS]),
                    .out(codes)
                );
                delay_line #(.WIDTH(2), .STAGES(c), .CLEARED(1)) flag_skew (
                    .clock(clock),
                    .reset(reset),
                    .in(token_at[r*(FLAGS+1)+:2]),
                    .out({opens, valid})
                );
                inner_step #(
                    .WEIGHT_BITS(WEIGHT_BITS),
                    .ACTIVATION_BITS(ACTIVATION_BITS),
                    .ACTIVATION_SIGNED(ACTIVATION_SIGNED),
                    .LANES(LANES),
                    .INNER_BITS(INNER_BITS),
                    .OVERFLOW(OVERFLOW)
                ) inner_adder (
                    .weights(held[r*UNIT_BITS+:UNIT_BITS]),
                    .activations(codes),
                    .start((DEEP_TILE ? r == 0 && opens : r % TILE_ROWS == 0)
                           ? '0 : inner_at[r*INNER_BITS+:INNER_BITS]),
                    .sum(sum),
                    .overflow(exceeds)
                );
                assign inner_overflow[r*COLUMNS+c] = valid && exceeds;
                assign inner_at[(r+1)*INNER_BITS+:INNER_BITS] = below;
                always_ff @(posedge clock) begin
                    below <= sum;
                    if (fetch_weights) begin
                        held[r*UNIT_BITS+:UNIT_BITS] <=
                            r == 0 ? weights[c*UNIT_BITS+:UNIT_BITS]
                                   : held[(r==0?0:r-1)*UNIT_BITS+:UNIT_BITS];
                    end
                end
            end

            for (genvar t = 0; t < USED_ROWS / TILE_ROWS; t++) begin : tiles
                localparam int END = (t + 1) * TILE_ROWS;  // row below the tile
                logic [OUTER_BITS-1:0] above, kept, sum;
                logic valid, unused_opens, closes, starts, exceeds;
                delay_line #(.WIDTH(FLAGS + 1), .STAGES(c), .CLEARED(1)) flag_skew (
                    .clock(clock),
                    .reset(reset),
                    .in(token_at[END*(FLAGS+1)+:FLAGS+1]),
                    .out({starts, closes, unused_opens, valid})
                );
                if (t == 0) begin : first
                    delay_line #(.WIDTH(OUTER_BITS), .STAGES(c)) outer_skew (
                        .clock(clock),
                        .reset(reset),
                        .in(partial_outer[c*OUTER_BITS+:OUTER_BITS]),
                        .out(above)
                    );
                end else begin : other
                    delay_line #(.WIDTH(OUTER_BITS), .STAGES(TILE_ROWS - 1)) carried (
                        .clock(clock),
                        .reset(reset),
                        .in(outer_at[(t-1)*OUTER_BITS+:OUTER_BITS]),
                        .out(above)
                    );
                end
                outer_step #(
                    .INNER_BITS(INNER_BITS),
                    .OUTER_BITS(OUTER_BITS),
                    .OVERFLOW(OVERFLOW)
                ) outer_adder (
                    .inner(inner_at[END*INNER_BITS+:INNER_BITS]),
                    .start(t == 0 && starts ? '0 : above),
                    .sum(kept),
                    .overflow(exceeds)
                );
                assign sum = !DEEP_TILE || closes ? kept : starts ? '0 : above;
                assign outer_overflow[t*COLUMNS+c] =
                    valid && (!DEEP_TILE || closes) && exceeds;
                delay_line #(.WIDTH(OUTER_BITS)) outer (
                    .clock(clock),
                    .reset(reset),
                    .in(sum),
                    .out(outer_at[t*OUTER_BITS+:OUTER_BITS])
                );
            end

            // Below idle rows, and until the last column's sums are there.
            delay_line #(
                .WIDTH(OUTER_BITS),
                .STAGES(ROWS - USED_ROWS + COLUMNS - 1 - c)
            ) outer_foot (
                .clock(clock),
                .reset(reset),
                .in(outer_at[(USED_ROWS/TILE_ROWS-1)*OUTER_BITS+:OUTER_BITS]),
                .out(results_outer[c*OUTER_BITS+:OUTER_BITS])
            );
            delay_line #(.WIDTH(INNER_BITS), .STAGES(COLUMNS - c)) inner_foot (
                .clock(clock),
                .reset(reset),
                .in(inner_at[USED_ROWS*INNER_BITS+:INNER_BITS]),
                .out(results_inner[c*INNER_BITS+:INNER_BITS])
            );
        end
    endgenerate
    delay_line #(.WIDTH(1), .STAGES(COLUMNS - 1), .CLEARED(1)) to_results (
        .clock(clock),
        .reset(reset),
        .in(token_at[(ROWS+1)*(FLAGS+1)]),
        .out(results_valid)
    );

    always_comb begin
        inner_events = '0;
        outer_events = '0;
        for (int i = 0; i < USED_ROWS * COLUMNS; i++) begin
            inner_events = inner_events + EVENT_BITS'(inner_overflow[i]);
        end
        for (int i = 0; i < USED_ROWS / TILE_ROWS * COLUMNS; i++) begin
            outer_events = outer_events + EVENT_BITS'(outer_overflow[i]);
        end
    end
endmodule
