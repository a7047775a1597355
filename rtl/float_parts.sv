// SPDX-License-Identifier: Apache-2.0
// A finite binary32 number as +-mantissa 2^(exponent - 150), the mantissa's top bit set also where
// the number is subnormal; the mantissa of zero is 0.
module float_parts (
    input  logic [31:0] value,
    output logic negative,
    output logic signed [9:0] exponent,
    output logic [23:0] mantissa
);
    assign negative = value[31];

    always_comb begin
        mantissa = {value[30:23] != 0, value[22:0]};
        exponent = value[30:23] == 0 ? 10'sd1 : $signed({2'b00, value[30:23]});
        for (int shift = 16; shift > 0; shift = shift / 2) begin
            if ((mantissa >> (24 - shift)) == 0) begin
                mantissa = mantissa << shift;
                exponent = exponent - 10'(shift);
            end
        end
    end
endmodule
