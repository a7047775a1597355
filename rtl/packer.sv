// SPDX-License-Identifier: Apache-2.0
// Elements, LANES of them a cycle, the earliest in the low bits, become words of a bus: the inverse
// of unpacker.sv. Padding is written as zeros. The last elements may be fillers: how many bits
// of the stream count is known to who sent them.
module packer #(
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
    input  logic [LANES*ELEMENT_BITS-1:0] in,
    output logic out_valid,
    input  logic out_ready,
    output logic out_last,
    output logic [BUS_BITS-1:0] out
);
    localparam int CONTAINER_BITS = layouts::container_bits(LAYOUT, ELEMENT_BITS);

    generate
        if (LAYOUT == "aligned_fields") begin : by_word
            localparam int FIELDS_BITS = WORD_BITS / ELEMENT_BITS * ELEMENT_BITS;
            logic fields_valid, fields_ready, fields_last;
            logic [FIELDS_BITS-1:0] fields;
            gearbox #(.IN_BITS(LANES * ELEMENT_BITS), .OUT_BITS(FIELDS_BITS)) to_fields (
                .clock(clock), .reset(reset),
                .in_valid(in_valid), .in_ready(in_ready), .in_last(in_last), .in(in),
                .out_valid(fields_valid), .out_ready(fields_ready), .out_last(fields_last),
                .out(fields)
            );
            gearbox #(.IN_BITS(WORD_BITS), .OUT_BITS(BUS_BITS)) to_bus (
                .clock(clock), .reset(reset),
                .in_valid(fields_valid), .in_ready(fields_ready), .in_last(fields_last),
                .in(WORD_BITS'(fields)),
                .out_valid(out_valid), .out_ready(out_ready), .out_last(out_last), .out(out)
            );
        end else begin : by_container
            logic [LANES*CONTAINER_BITS-1:0] containers;
            for (genvar lane = 0; lane < LANES; lane++) begin : lanes
                assign containers[lane*CONTAINER_BITS+:CONTAINER_BITS] =
                    CONTAINER_BITS'(in[lane*ELEMENT_BITS+:ELEMENT_BITS]);
            end
            gearbox #(.IN_BITS(LANES * CONTAINER_BITS), .OUT_BITS(BUS_BITS)) to_bus (
                .clock(clock), .reset(reset),
                .in_valid(in_valid), .in_ready(in_ready), .in_last(in_last), .in(containers),
                .out_valid(out_valid), .out_ready(out_ready), .out_last(out_last), .out(out)
            );
        end
    endgenerate
endmodule
