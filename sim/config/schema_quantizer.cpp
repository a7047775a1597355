// SPDX-License-Identifier: Apache-2.0
// quantizer: how real weights and activations become integers.
#include "sim/config/schema_builders.h"

namespace axesim::sim {

namespace {

Key algorithm() {
    using quant::Algorithm;
    return per_layer(word_key(
        "quantizer.algorithm", "optq",
        "How a real weight matrix becomes integers. Rounding looks at one weight at a time; GPFQ "
        "and OPTQ go through the columns one by one and let later weights undo the error that "
        "rounding the earlier ones caused on calibration data.",
        [](Config& c) { return &c.quantizer.algorithm; },
        {choice("naive_floor", Algorithm::naive_floor, "round down, as a plain right shift does"),
         choice("naive_round", Algorithm::naive_round, "round to nearest, ties to even (RTN)"),
         choice("gpfq", Algorithm::gpfq,
                "greedy path following: corrects the past error against the float network's "
                "inputs"),
         choice("optq", Algorithm::optq,
                "OPTQ (GPTQ): pushes each error forward through the inverse Hessian"),
         choice("qronos", Algorithm::qronos,
                "first fits the weights to the inputs that the quantized layers before leave, then "
                "pushes errors forward as OPTQ does")}));
}

Key accumulator_aware() {
    using quant::AccumulatorAware;
    return per_layer(word_key(
        "quantizer.accumulator_aware", "axe",
        "Whether the weights are chosen so that no activations in range can ever overflow an "
        "accumulator. The proof, the certificate, is recomputed from the final integers.",
        [](Config& c) { return &c.quantizer.accumulator_aware; },
        {choice("none", AccumulatorAware::none,
                "ignore the accumulators; overflow events are counted"),
         choice("axe", AccumulatorAware::axe,
                "AXE: a soft threshold and a running budget per tile inside the algorithm, whose "
                "error feedback then repairs what the limits cost"),
         choice("ep_init", AccumulatorAware::ep_init,
                "Euclidean projection of each tile onto the safe set before rounding towards "
                "zero; nothing repairs its error"),
         choice("bit_width", AccumulatorAware::bit_width,
                "narrow the weights and activations until any values of these widths fit the "
                "accumulator: what is done without AXE")}));
}

std::vector<Key> weight_keys() {
    using quant::WeightRange;
    return {
        algorithm(),
        accumulator_aware(),
        word_key("quantizer.equalization", "none",
                 "A change of scales or basis before quantization that keeps the function of the "
                 "network but makes its activations easier to quantize.",
                 [](Config& c) { return &c.quantizer.equalization; },
                 {choice("none", quant::Equalization::none, "quantize the network as it is"),
                  choice("smoothquant", quant::Equalization::smoothquant,
                         "move the range of activation channels into the weights; costs nothing "
                         "at run time"),
                  choice("rotation", quant::Equalization::rotation,
                         "Hadamard rotations spread outliers over all channels; folded into the "
                         "weights but for one in the vector unit before down_proj")}),
        real_key("quantizer.smoothquant_alpha", {0, 1}, 0.5, "",
                 "How much of an activation channel's range SmoothQuant moves into the weights: 0 "
                 "none of it, 1 all of it.",
                 [](Config& c) { return &c.quantizer.smoothquant_alpha; }),
        boolean_key("quantizer.smoothquant_search", false,
                    "Whether SmoothQuant tries several alphas, and none, for every group of layers "
                    "with one input, and keeps what leaves the least error of their outputs.",
                    [](Config& c) { return &c.quantizer.smoothquant_search; }),
        per_layer(
            word_key("quantizer.weight_range", "full", "Which codes of M bits a weight may take.",
                     [](Config& c) { return &c.quantizer.weight_range; },
                     {choice("full", WeightRange::full, "-2^(M-1) .. 2^(M-1)-1"),
                      choice("narrow", WeightRange::narrow,
                             "+-(2^(M-1)-1): symmetric, and products are one code smaller")})),
        word_key("quantizer.weight_groups", "none",
                 "Which weights share one step. A group is a tile of accumulator.tile_size: only "
                 "between the inner and the outer accumulator can a step change.",
                 [](Config& c) { return &c.hardware.accumulator.groups; },
                 {choice("none", WeightGroups::none, "all of an output channel"),
                  choice("power_of_two", WeightGroups::power_of_two,
                         "a tile; its step is the channel's times 2^0 .. 2^7, so each inner value "
                         "is shifted by 3 bits of metadata on its way to an outer accumulator "
                         "that is 7 bits wider"),
                  choice("integer", WeightGroups::integer,
                         "a tile; its step is the channel's times 1 .. 63, so each inner value is "
                         "multiplied by 6 bits of metadata on its way to an outer accumulator that "
                         "is 6 bits wider")}),
        per_layer(
            word_key("quantizer.weight_step", "absmax",
                     "How the step of an output channel is found; step_search starts from it.",
                     [](Config& c) { return &c.quantizer.weight_step; },
                     {choice("absmax", quant::WeightStep::absmax,
                             "the weight of the largest magnitude becomes the code of the largest; "
                             "with weight_range: full that is -2^(M-1), and a positive weight is "
                             "clipped by one code"),
                      choice("mse", quant::WeightStep::mse,
                             "the step with the least squared rounding error, which clips the "
                             "largest weights")})),
    };
}

std::vector<Key> activation_keys() {
    using models::ActivationGranularity;
    using models::ActivationRange;
    using models::Rounding;
    return {
        word_key("quantizer.activations.granularity", "per_token",
                 "How many activations share one step (and zero point).",
                 [](Config& c) { return &c.hardware.activations.granularity; },
                 {choice("per_token", ActivationGranularity::per_token,
                         "dynamic: one step a token, from its own extremes at run time"),
                  choice("per_tensor", ActivationGranularity::per_tensor,
                         "static: one step for a layer's inputs, fixed in calibration")}),
        real_key("quantizer.activations.percentile", {50, 100}, 100, "%",
                 "per_tensor: how much of the calibration values lies below the upper end of the "
                 "range (and above the lower end). 100: their extremes; a little less gives up "
                 "rare large values for finer steps.",
                 [](Config& c) { return &c.quantizer.static_percentile; }),
        boolean_key("quantizer.activations.first_position_apart", true,
                    "per_tensor: whether the first position of a sequence has a range of its own. "
                    "Llama models park values there that are a hundred times larger than any "
                    "other; one range for all leaves the others a few codes.",
                    [](Config& c) { return &c.quantizer.first_position_apart; }),
        word_key(
            "quantizer.activations.range", "asymmetric",
            "Where the codes of N bits lie. It decides the certificate's budget: asymmetric "
            "codes are all >= 0, so positive and negative weights of a tile have separate "
            "budgets; symmetric codes pool them.",
            [](Config& c) { return &c.hardware.activations.range; },
            {choice("symmetric", ActivationRange::symmetric, "-2^(N-1) .. 2^(N-1)-1, zero point 0"),
             choice("asymmetric", ActivationRange::asymmetric,
                    "0 .. 2^N-1 with a zero point, which is subtracted after the sum")}),
        boolean_key("quantizer.activations.signed_codes", false,
                    "Whether asymmetric codes are stored 2^(N-1) lower, in -2^(N-1) .. 2^(N-1)-1. "
                    "The activations stay the same, but positive and negative weights of a tile "
                    "then share one budget, which never allows less: AXE keeps more accuracy.",
                    [](Config& c) { return &c.hardware.activations.signed_codes; }),
        word_key(
            "quantizer.activations.rounding", "nearest",
            "How the requantizer of the hardware rounds an activation to its code.",
            [](Config& c) { return &c.hardware.activations.rounding; },
            {choice("nearest", Rounding::nearest_even, "to nearest, ties to even"),
             choice("floor", Rounding::floor, "down: no rounding adder, half a step of bias")}),
    };
}

std::vector<Key> search_keys() {
    using quant::ColumnOrder;
    using quant::ErrorFeedback;
    return {
        per_layer(word_key(
            "quantizer.order", "activation",
            "The order in which GPFQ and OPTQ visit columns. Tiles stay those of memory "
            "order; a column that comes early finds more budget and more weights to repair "
            "its error.",
            [](Config& c) { return &c.quantizer.order; },
            {choice("natural", ColumnOrder::natural, "0 .. K-1"),
             choice("activation", ColumnOrder::activation,
                    "by falling energy of the input (diagonal of H; act_order)")})),
        per_layer(word_key(
            "quantizer.error_feedback", "full",
            "Which error OPTQ pushes on to later columns when AXE limited a weight.",
            [](Config& c) { return &c.quantizer.error_feedback; },
            {choice("full", ErrorFeedback::full, "all of it: threshold, limit and rounding"),
             choice("post", ErrorFeedback::post,
                    "only the rounding error, as the published implementation does")})),
        per_layer(real_key(
            "quantizer.damping", {0, 1}, 0.01, "",
            "What OPTQ adds to the diagonal of H, as a share of its mean, so that H can be "
            "inverted although calibration saw too few directions.",
            [](Config& c) { return &c.quantizer.damping; })),
        per_layer(boolean_key(
            "quantizer.soft_threshold", true,
            "Whether AXE first shrinks the weights of a tile towards zero by a threshold "
            "(lambda, from the projection on the L1 ball that fits the accumulator). It "
            "spreads the budget over the tile; the guarantee comes from the limits.",
            [](Config& c) { return &c.quantizer.soft_threshold; })),
        boolean_key("quantizer.pad_short_tile_with_zeros", false,
                    "Whether a short last tile counts as filled up with zeros when its soft "
                    "threshold is computed, as the published implementation does.",
                    [](Config& c) { return &c.quantizer.pad_short_tile_with_zeros; }),
        per_layer(integer_key(
            "quantizer.refine_sweeps", {0, 100}, 0, "sweeps",
            "How often to go over the finished codes again, changing one at a time where "
            "that lessens the calibration error and the accumulators allow it, then "
            "fitting the step. Cheap next to step_search; it ends early when nothing "
            "changes.",
            [](Config& c) { return &c.quantizer.refine_sweeps; })),
        per_layer(boolean_key(
            "quantizer.bias_correction", false,
            "Whether each output channel gets a bias that puts its mean on the calibration text "
            "back to what unrounded weights give for the same inputs (first positions, with their "
            "huge values, apart). A float32 a channel travels as metadata; the vector unit adds it "
            "when it scales back. One matrix alone (quantize --weights) gets none.",
            [](Config& c) { return &c.quantizer.bias_correction; })),
        per_layer(boolean_key(
            "quantizer.step_search", false,
            "Whether to try several steps per output channel and keep the one with the "
            "least calibration error after the whole constrained run. Takes several times "
            "longer; on tight accumulators it gains more than anything else.",
            [](Config& c) { return &c.quantizer.step_search; })),
    };
}

std::vector<Key> calibration_keys() {
    return {
        text_key("quantizer.calibration.text", "default",
                 "default (the text that comes with axesim), a UTF-8 text file, or a .npy file of "
                 "token ids",
                 "The text whose activations the quantizer sees. Use other text than for the "
                 "evaluation.",
                 [](Config& c) { return &c.quantizer.calibration.text; }),
        integer_key("quantizer.calibration.sequences", {1, 1000000}, 32, "sequences",
                    "How many stretches of the text are run for calibration.",
                    [](Config& c) { return &c.quantizer.calibration.sequences; }),
        integer_key("quantizer.calibration.length", {1, 131072}, 512, "tokens",
                    "Length of each calibration sequence. Sequences times length should be several "
                    "times the deepest K, else H is singular and damping decides.",
                    [](Config& c) { return &c.quantizer.calibration.length; }),
        integer_key("quantizer.calibration.first_token", {0, kNoLimit}, 0, "tokens",
                    "Where in the text the first calibration sequence starts.",
                    [](Config& c) { return &c.quantizer.calibration.first_token; }),
    };
}

}  // namespace

std::vector<Key> quantizer_keys() {
    std::vector<Key> keys;
    for (auto* part : {weight_keys, activation_keys, search_keys, calibration_keys}) {
        for (Key& key : part()) keys.push_back(std::move(key));
    }
    return keys;
}

}  // namespace axesim::sim
