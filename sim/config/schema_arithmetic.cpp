// SPDX-License-Identifier: Apache-2.0
// general keys, number_format and accumulator: what one number and one sum of products are.
#include "sim/config/schema_builders.h"

namespace axesim::sim {

std::vector<Key> general_keys() {
    Key name = text_key(
        "name", nullptr, "text",
        "Name of the design point in reports and tables; the file's name without .yaml where "
        "none is given.",
        [](Config& c) { return &c.name; });
    name.example = "my_design";
    name.default_note = "the file's name";
    return {std::move(name),
            integer_key("seed", {0, kNoLimit}, 0, "",
                        "Seed of everything random. It is written into the result, so that two "
                        "runs with the same seed can be compared byte by byte.",
                        [](Config& c) { return &c.seed; })};
}

namespace {

std::vector<Key> number_format_keys() {
    using models::OutputFormat;
    return {
        per_layer(also_called(
            required_key("number_format.weight_bits", {2, 16}, "6", "bits",
                         "Width M of a weight, a two's complement integer of any length, with one "
                         "scale per output channel or per tile (quantizer.weight_groups). It sets "
                         "the multiplier's size and what the DRAM must deliver for every decoded "
                         "token.",
                         [](Config& c) { return &c.hardware.weight_bits; }),
            {"M", "w_bits", "weight_bit_width"})),
        per_layer(also_called(
            required_key("number_format.activation_bits", {2, 16}, "6", "bits",
                         "Width N of an activation, the other operand of every multiplier. "
                         "Activations are quantized at run time, so N also sets what the "
                         "certificate must assume: any code of N bits can meet any weight.",
                         [](Config& c) { return &c.hardware.activations.bits; }),
            {"N", "a_bits", "input_bit_width"})),
        word_key("number_format.output_format", "float16",
                 "What the scaling unit writes to memory after an outer accumulator is scaled "
                 "back. It costs traffic, and its rounding is part of the simulated values.",
                 [](Config& c) { return &c.hardware.output_format; },
                 {choice("float32", OutputFormat::float32, "4 bytes, no rounding"),
                  choice("float16", OutputFormat::float16, "IEEE half precision, 2 bytes"),
                  choice("bfloat16", OutputFormat::bfloat16,
                         "2 bytes, range of float32, 8 significant bits")}),
    };
}

Key inner_bits() {
    return per_layer(also_called(
        required_key("accumulator.inner_bits", {2, 48}, "16", "bits",
                     "Width P_I of the inner accumulator, the two's complement register that sums "
                     "the products of one tile. Every bit less saves adder, register and energy at "
                     "each multiplier; too few bits overflow, unless the quantizer guarantees that "
                     "no input can cause it (quantizer.accumulator_aware). It must hold at least "
                     "one product.",
                     [](Config& c) { return &c.hardware.accumulator.inner_bits; }),
        {"P_I", "P", "accumulator_bits", "max_accumulator_bit_width"}));
}

Key tile_size() {
    return also_called(
        required_key("accumulator.tile_size", {1, kNoLimit}, "64", "products",
                     "Tile length T: how many consecutive products of a dot product, in memory "
                     "order, one inner accumulation sums before its value is added to the outer "
                     "accumulator. Short tiles need fewer inner bits but add to the wide outer "
                     "accumulator more often.",
                     [](Config& c) { return &c.hardware.accumulator.tile_size; },
                     {{"monolithic", 0, "one stage, the tile is the whole dot product, T = K"}}),
        {"T", "max_accumulator_tile_size"});
}

Key outer_bits() {
    return also_called(
        integer_key("accumulator.outer_bits", {2, 63}, "auto", "bits",
                    "Width P_O of the outer accumulator, which sums the tiles' inner values.",
                    [](Config& c) { return &c.hardware.accumulator.outer_bits; },
                    {{"auto", 0,
                      "P_I + ceil(log2(ceil(K/T))) for each depth K, 7 more with "
                      "quantizer.weight_groups: no sum of inner values can overflow it"}}),
        {"P_O"});
}

Key overflow() {
    return word_key(
        "accumulator.overflow", "saturate",
        "What an add does whose exact result does not fit the accumulator. Each such add is "
        "counted as one overflow event; a certified layer has none, whatever stands here.",
        [](Config& c) { return &c.hardware.accumulator.overflow; },
        {choice("wrap", OverflowMode::wrap, "keep the low bits, as plain hardware does"),
         choice("saturate", OverflowMode::saturate,
                "clamp to the nearest value; costs area and delay at each accumulator"),
         choice("trap", OverflowMode::trap,
                "stop the run and name layer, channel, token and k (exit status 1)")});
}

}  // namespace

std::vector<Key> attention_keys() {
    return {
        integer_key("attention.bits", {2, 16}, "auto", "bits",
                    "Width of the codes of queries and of softmax's probabilities, which take the "
                    "activations' side of the array, each row of a head with its own step. The "
                    "hardware is built for the widest operands.",
                    [](Config& c) { return &c.attention.bits; },
                    {{"auto", 0, "number_format.activation_bits"},
                     {"float", kFloatBits,
                      "attention is computed in floating point on the host and counted as nothing; "
                      "the other keys of attention have no effect"}}),
        integer_key("attention.kv_cache_bits", {2, 16}, "auto", "bits",
                    "Width of the codes of keys and values, in the cache in DRAM and on the "
                    "weights' side of the array: symmetric, one step for each position and head.",
                    [](Config& c) { return &c.attention.kv_cache_bits; },
                    {{"auto", 0, "number_format.weight_bits"}}),
        integer_key("attention.tile_size", {1, kNoLimit}, "auto", "products",
                    "Tile length of the attention products. Nothing constrains their operands as "
                    "AXE does weights, so only short tiles are certified; longer ones save adds "
                    "to the outer accumulator but may overflow, which is counted. A monolithic "
                    "accumulator.tile_size holds for attention too.",
                    [](Config& c) { return &c.attention.tile_size; },
                    {{"auto", 0,
                      "the longest power of two up to accumulator.tile_size for which no codes "
                      "can overflow the inner accumulator"}}),
        boolean_key("attention.rotation", true,
                    "Whether the vector unit rotates queries and keys of a head by a Hadamard "
                    "matrix before it quantizes them: their products stay the same, and channels "
                    "that stand out no longer cost the others their resolution.",
                    [](Config& c) { return &c.attention.rotation; }),
    };
}

std::vector<Key> lm_head_keys() {
    return {integer_key(
        "lm_head.bits", {2, 16}, "auto", "bits",
        "Weight bits of lm_head, the matrix that makes logits of the last hidden state. It is "
        "quantized like any other layer (its name in overrides is lm_head); the hardware is built "
        "for the widest one. In the phases it sees the last position of each sequence.",
        [](Config& c) { return &c.lm_head.bits; },
        {{"auto", 0, "number_format.weight_bits"},
         {"float", kFloatBits,
          "in floating point on the host and counted as nothing, as quantization papers measure "
          "accuracy"}})};
}

std::vector<Key> arithmetic_keys() {
    std::vector<Key> keys = number_format_keys();
    for (Key (*make)() : {inner_bits, tile_size, outer_bits, overflow}) keys.push_back(make());
    return keys;
}

}  // namespace axesim::sim
