// SPDX-License-Identifier: Apache-2.0
// Walks through the depth of a fold: LANES products a step, tiles of TILE_SIZE products, then SKEW
// cycles in which the last operands reach the far corner of an array. The interface is that of
// output_stationary_array; the flags belong to the step that is fetched in the same cycle.
module array_control #(
    parameter int LANES = 1,
    parameter int TILE_SIZE = 64,  // a multiple of LANES; 0: one tile
    parameter int SKEW = 14,
    parameter int DEPTH_BITS = 16
) (
    input  logic clock,
    input  logic reset,
    input  logic start,
    input  logic [DEPTH_BITS-1:0] depth,
    output logic ready,
    output logic busy,
    output logic fold_last,
    output logic step,
    output logic tile_first,
    output logic tile_last,
    output logic outer_first,
    output logic [LANES-1:0] lane_used
);
    localparam int TILE_STEPS = TILE_SIZE == 0 ? 1 : TILE_SIZE / LANES;
    localparam int TILE_COUNT_BITS = $clog2(TILE_STEPS + 1);
    localparam int SKEW_COUNT_BITS = $clog2(SKEW + 2);

    logic [DEPTH_BITS-1:0] products_left;        // not yet fetched; 0: none is fetched any more
    logic [TILE_COUNT_BITS-1:0] steps_in_tile;   // since the start of the tile
    logic first_tile;
    logic [SKEW_COUNT_BITS-1:0] skew_left;       // cycles of the fold after its last step
    logic last_step;

    generate
        if (TILE_SIZE % LANES != 0) begin : bad_tile_size
            $error("TILE_SIZE must be a multiple of LANES");
        end
        for (genvar lane = 0; lane < LANES; lane++) begin : used
            assign lane_used[lane] = products_left > DEPTH_BITS'(lane);
        end
    endgenerate

    assign step = products_left != 0;
    assign last_step = step && products_left <= DEPTH_BITS'(LANES);
    assign tile_first = steps_in_tile == 0;
    assign tile_last =
        last_step || (TILE_SIZE != 0 && steps_in_tile == TILE_COUNT_BITS'(TILE_STEPS - 1));
    assign outer_first = first_tile;

    assign busy = step || skew_left != 0;
    assign fold_last = SKEW == 0 ? last_step : skew_left == 1;
    assign ready = !busy || fold_last;

    always_ff @(posedge clock) begin
        if (step) begin
            products_left <= last_step ? '0 : products_left - DEPTH_BITS'(LANES);
            // Of one tile that never ends only the first step is told from the others.
            steps_in_tile <= tile_last ? '0 : TILE_SIZE == 0 ? 1 : steps_in_tile + 1;
            if (tile_last) first_tile <= 0;
        end
        skew_left <= last_step ? SKEW_COUNT_BITS'(SKEW) : skew_left != 0 ? skew_left - 1 : '0;
        if (start && ready) begin
            products_left <= depth;
            steps_in_tile <= '0;
            first_tile <= 1;
        end
        if (reset) begin
            products_left <= '0;
            skew_left <= '0;
        end
    end
endmodule
