// SPDX-License-Identifier: Apache-2.0
// code = clip(round(value / step) + zero_point), as models/compute/activation_quantizer.cpp makes
// codes once step and zero point are known; combinational. `value` and `step` are finite binary32
// numbers, step > 0; `zero_point` is one of the codes.
//
// The simulator divides in binary64 and rounds the quotient; here the exact quotient is rounded,
// by a division of the 24-bit mantissas. The codes are the same: a quotient of two such mantissas
// that matters here (2^-3 < |q| < 2^17) and is not half an integer lies at least 2^-27 away from
// one, which the error of binary64, below 2^-36, cannot bridge.
module requantizer #(
    parameter int ACTIVATION_BITS = 6,
    parameter bit ACTIVATION_SIGNED = 0,
    parameter [55:0] ROUNDING = "nearest"  // ties to even; or "floor"
) (
    input  logic [31:0] value,
    input  logic [31:0] step,
    input  logic [ACTIVATION_BITS-1:0] zero_point,
    output logic [ACTIVATION_BITS-1:0] code
);
    // |quotient| below 2^(ACTIVATION_BITS + 1), and a sum with the zero point.
    localparam int QUOTIENT_BITS = ACTIVATION_BITS + 1;
    localparam int SUM_BITS = ACTIVATION_BITS + 3;
    localparam int DIVIDEND_BITS = 24 + ACTIVATION_BITS + 2;

    logic negative, step_negative;
    logic signed [9:0] value_exponent, step_exponent, distance;
    logic [23:0] value_mantissa, step_mantissa;
    float_parts of_value (
        .value(value), .negative(negative), .exponent(value_exponent), .mantissa(value_mantissa)
    );
    float_parts of_step (
        .value(step), .negative(step_negative), .exponent(step_exponent), .mantissa(step_mantissa)
    );
    assign distance = value_exponent - step_exponent;

    // 2^(distance - 1) < |value / step| < 2^(distance + 1): beyond the codes, or below a quarter.
    logic beyond, below;
    assign beyond = distance > 10'(ACTIVATION_BITS) && value_mantissa != 0;
    assign below = distance < -10'sd2;

    logic [QUOTIENT_BITS-1:0] quotient;  // of the magnitudes, rounded towards 0
    logic [DIVIDEND_BITS-1:0] remainder, divisor;
    logic [9:0] shift;
    always_comb begin
        divisor = DIVIDEND_BITS'({step_mantissa, 2'b00});
        shift = distance + 10'sd2;
        remainder = below || beyond ? '0 : DIVIDEND_BITS'(value_mantissa) << shift;
        quotient = '0;
        for (int i = QUOTIENT_BITS - 1; i >= 0; i--) begin
            // The rest of a shifted divisor that left the dividend's bits exceeds any remainder.
            if ((remainder >> i) >= divisor) begin
                remainder = remainder - (divisor << i);
                quotient[i] = 1;
            end
        end
    end

    logic away;  // from 0 is the rounded quotient
    generate
        if (ROUNDING == "floor") begin : floor
            assign away = negative && (below ? value_mantissa != 0 : remainder != 0);
        end else begin : nearest
            logic [DIVIDEND_BITS:0] twice;
            assign twice = {remainder, 1'b0};
            assign away = twice > {1'b0, divisor} || (twice == {1'b0, divisor} && quotient[0]);
        end
    endgenerate

    localparam bit [SUM_BITS-1:0] CODE_MIN =
        ACTIVATION_SIGNED ? -(SUM_BITS'(1) << (ACTIVATION_BITS - 1)) : '0;
    localparam bit [SUM_BITS-1:0] CODE_MAX = CODE_MIN + (SUM_BITS'(1) << ACTIVATION_BITS) - 1;

    logic [SUM_BITS-1:0] magnitude;
    logic signed [SUM_BITS-1:0] sum;
    always_comb begin
        magnitude = beyond ? SUM_BITS'(1) << ACTIVATION_BITS
                           : SUM_BITS'(quotient) + SUM_BITS'(away);
        sum = (negative ? -magnitude : magnitude)
            + {{3{ACTIVATION_SIGNED && zero_point[ACTIVATION_BITS-1]}}, zero_point};
        if (sum < $signed(CODE_MIN)) sum = CODE_MIN;
        if (sum > $signed(CODE_MAX)) sum = CODE_MAX;
    end
    assign code = sum[ACTIVATION_BITS-1:0];

    logic unused;
    assign unused = step_negative ^ (^sum[SUM_BITS-1:ACTIVATION_BITS]);
endmodule
