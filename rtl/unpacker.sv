// SPDX-License-Identifier: Apache-2.0
// Words of a bus become elements, LANES of them a cycle, the earliest in the low bits. The stream
// begins with an element; after `in_last` the rest leaves, filled up with zeros: how many of the
// last elements count is known to who asked for them. Padding is dropped here, signs are not
// extended: the multipliers take ELEMENT_BITS.
module unpacker #(
    parameter [layouts::NAME_BITS-1:0] LAYOUT = "packed",
    parameter int ELEMENT_BITS = 6,
    parameter int WORD_BITS = 64,  // aligned_fields only: no element straddles such a word
    parameter int BUS_BITS = 64,
    parameter int LANES = 8
) (
    input  logic clock,
    input  logic reset,
    input  logic in_valid,
    output logic in_ready,
    input  logic in_last,
    input  logic [BUS_BITS-1:0] in,
    output logic out_valid,
    input  logic out_ready,
    output logic out_last,
    output logic [LANES*ELEMENT_BITS-1:0] out
);
    localparam int CONTAINER_BITS = layouts::container_bits(LAYOUT, ELEMENT_BITS);

    generate
        if (LAYOUT == "aligned_fields") begin : by_word
            localparam int FIELDS_BITS = WORD_BITS / ELEMENT_BITS * ELEMENT_BITS;
            logic word_valid, word_ready, word_last, unused;
            logic [WORD_BITS-1:0] word;
            gearbox #(.IN_BITS(BUS_BITS), .OUT_BITS(WORD_BITS)) to_words (
                .clock(clock), .reset(reset),
                .in_valid(in_valid), .in_ready(in_ready), .in_last(in_last), .in(in),
                .out_valid(word_valid), .out_ready(word_ready), .out_last(word_last), .out(word)
            );
            gearbox #(.IN_BITS(FIELDS_BITS), .OUT_BITS(LANES * ELEMENT_BITS)) to_elements (
                .clock(clock), .reset(reset),
                .in_valid(word_valid), .in_ready(word_ready), .in_last(word_last),
                .in(word[FIELDS_BITS-1:0]),
                .out_valid(out_valid), .out_ready(out_ready), .out_last(out_last), .out(out)
            );
            assign unused = ^word;
        end else begin : by_container
            logic [LANES*CONTAINER_BITS-1:0] containers;
            logic unused;
            gearbox #(.IN_BITS(BUS_BITS), .OUT_BITS(LANES * CONTAINER_BITS)) to_containers (
                .clock(clock), .reset(reset),
                .in_valid(in_valid), .in_ready(in_ready), .in_last(in_last), .in(in),
                .out_valid(out_valid), .out_ready(out_ready), .out_last(out_last), .out(containers)
            );
            for (genvar lane = 0; lane < LANES; lane++) begin : lanes
                assign out[lane*ELEMENT_BITS+:ELEMENT_BITS] =
                    containers[lane*CONTAINER_BITS+:ELEMENT_BITS];
            end
            assign unused = ^containers;
        end
    endgenerate
endmodule
