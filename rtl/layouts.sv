// SPDX-License-Identifier: Apache-2.0
// Where the bits of narrow integers lie in a stream, as in models/memory/packing.h. Bits are
// numbered from the least significant bit of the first word.
package layouts;
    localparam int NAME_BITS = 8 * 14;  // of the longest name of a layout, as text

    // Bits from the start of one element to the start of the next.
    function automatic int container_bits(input [NAME_BITS-1:0] layout, input int element_bits);
        container_bits = layout == "padded_byte" ? (element_bits + 7) / 8 * 8
                       : layout == "padded_pow2" ? 1 << $clog2(element_bits)
                       : element_bits;
    endfunction
endpackage
