// SPDX-License-Identifier: Apache-2.0
// Packers and unpackers of elements of 2..16 bits in every layout. Stream i says its parameters
// itself, so the test lists none of them. Elements travel `lanes` at once in the low bits.
module stream_sweep #(
    localparam int WIDTHS = 15,
    localparam int KINDS = 7,  // padded_byte, padded_pow2, packed, aligned in 64 .. 512 bits
    localparam int STREAMS = WIDTHS * KINDS
) (
    input  logic clock,
    input  logic reset,
    input  logic pack_in_valid[STREAMS],
    output logic pack_in_ready[STREAMS],
    input  logic pack_in_last[STREAMS],
    input  logic [63:0] pack_in[STREAMS],
    output logic pack_out_valid[STREAMS],
    input  logic pack_out_ready[STREAMS],
    output logic pack_out_last[STREAMS],
    output logic [63:0] pack_out[STREAMS],
    input  logic unpack_in_valid[STREAMS],
    output logic unpack_in_ready[STREAMS],
    input  logic unpack_in_last[STREAMS],
    input  logic [63:0] unpack_in[STREAMS],
    output logic unpack_out_valid[STREAMS],
    input  logic unpack_out_ready[STREAMS],
    output logic unpack_out_last[STREAMS],
    output logic [63:0] unpack_out[STREAMS],
    output logic [7:0] kind[STREAMS],       // index into the list above
    output logic [15:0] word_bits[STREAMS],
    output logic [7:0] element_bits[STREAMS],
    output logic [7:0] lanes[STREAMS],
    output logic [7:0] bus_bits[STREAMS]
);
    generate
        for (genvar i = 0; i < STREAMS; i++) begin : streams
            localparam int KIND = i % KINDS;
            localparam int ELEMENT_BITS = 2 + i / KINDS;
            localparam int WORD_BITS = KIND < 3 ? 64 : 64 << (KIND - 3);
            localparam int LANES = i % 3 == 0 ? 1 : i % 3 == 1 ? 3 : 4;
            localparam int BUS_BITS = i % 2 == 0 ? 32 : 64;
            localparam [layouts::NAME_BITS-1:0] LAYOUT = KIND == 0 ? "padded_byte"
                : KIND == 1 ? "padded_pow2" : KIND == 2 ? "packed" : "aligned_fields";

            logic [BUS_BITS-1:0] packed_word;
            logic [LANES*ELEMENT_BITS-1:0] elements;
            assign kind[i] = 8'(KIND);
            assign word_bits[i] = 16'(WORD_BITS);
            assign element_bits[i] = 8'(ELEMENT_BITS);
            assign lanes[i] = 8'(LANES);
            assign bus_bits[i] = 8'(BUS_BITS);
            assign pack_out[i] = 64'(packed_word);
            assign unpack_out[i] = 64'(elements);
            packer #(
                .LAYOUT(LAYOUT),
                .ELEMENT_BITS(ELEMENT_BITS),
                .WORD_BITS(WORD_BITS),
                .BUS_BITS(BUS_BITS),
                .LANES(LANES)
            ) packs (
                .clock(clock), .reset(reset),
                .in_valid(pack_in_valid[i]), .in_ready(pack_in_ready[i]),
                .in_last(pack_in_last[i]), .in(pack_in[i][LANES*ELEMENT_BITS-1:0]),
                .out_valid(pack_out_valid[i]), .out_ready(pack_out_ready[i]),
                .out_last(pack_out_last[i]), .out(packed_word)
            );
            unpacker #(
                .LAYOUT(LAYOUT),
                .ELEMENT_BITS(ELEMENT_BITS),
                .WORD_BITS(WORD_BITS),
                .BUS_BITS(BUS_BITS),
                .LANES(LANES)
            ) unpacks (
                .clock(clock), .reset(reset),
                .in_valid(unpack_in_valid[i]), .in_ready(unpack_in_ready[i]),
                .in_last(unpack_in_last[i]), .in(unpack_in[i][BUS_BITS-1:0]),
                .out_valid(unpack_out_valid[i]), .out_ready(unpack_out_ready[i]),
                .out_last(unpack_out_last[i]), .out(elements)
            );
        end
    endgenerate
endmodule
