// SPDX-License-Identifier: Apache-2.0
// hardware: the accelerator, from the array to the DRAM, and what its parts cost.
#include "sim/config/schema_builders.h"

namespace axesim::sim {

namespace {

std::vector<Key> compute_keys() {
    using models::Dataflow;
    return {
        real_key("hardware.clock_mhz", {1, 10000}, 1000, "MHz",
                 "Clock of the array, the buffers and the memory interface. The DRAM keeps its own "
                 "time.",
                 [](Config& c) { return &c.hardware.clock_mhz; }),
        word_key("hardware.dataflow", "output_stationary",
                 "What stays in the array while operands stream through it.",
                 [](Config& c) { return &c.hardware.dataflow; },
                 {choice("output_stationary", Dataflow::output_stationary,
                         "each unit keeps the accumulators of one output until it is done"),
                  choice("weight_stationary", Dataflow::weight_stationary,
                         "each unit keeps its weights while all tokens pass. Inner sums run down "
                         "the columns, an outer accumulator stands where a tile ends, and sums "
                         "that are not done wait in the outputs buffer, read and written once a "
                         "token and fold. A fold holds whole tiles, or a part of one that is "
                         "deeper than rows x lanes, so a tile size that neither divides rows x "
                         "lanes nor is a multiple of it leaves rows idle")}),
        integer_key("hardware.array.rows", {1, 1024}, 32, "units",
                    "Rows of the array. Output-stationary: tokens in flight, of which a decode "
                    "step of batch 1 fills only one; weight-stationary: depth in flight, in steps "
                    "of lanes.",
                    [](Config& c) { return &c.hardware.array.rows; }),
        integer_key("hardware.array.columns", {1, 1024}, 32, "units",
                    "Columns of the array: output channels in flight.",
                    [](Config& c) { return &c.hardware.array.columns; }),
        also_called(
            integer_key("hardware.array.lanes", {1, 1024}, 1, "products a step",
                        "Products that one unit forms in a cycle and sums exactly in an adder tree "
                        "before they enter its inner accumulator; 1 is a plain FMA. More lanes "
                        "share one accumulator, so its width matters less. Must divide the tile "
                        "size.",
                        [](Config& c) { return &c.hardware.accumulator.lanes; }),
            {"L"}),
        integer_key("hardware.array.pipeline_depth", {1, 16}, "auto", "stages",
                    "Stages of a unit from its operands to its accumulator, whose own add stays "
                    "one stage so that it takes a sum every cycle. Each stage after the first adds "
                    "a cycle to every fill and lanes x (M + N) flip-flops to every unit.",
                    [](Config& c) { return &c.hardware.array.pipeline_depth; },
                    {{"auto", 0, "as many as the clock needs, by the technology's delays"}}),
    };
}

template <class Field>
Key word_bits_key(const std::string& buffer, Field field) {
    return integer_key("hardware.buffers." + buffer + "_word_bits", {8, 65536}, "auto", "bits",
                       "Width of a bank's word in the " + buffer +
                           " buffer, any number. Each access moves whole words.",
                       field, {{"auto", 0, "all that the array takes or gives in a step"}});
}

std::vector<Key> buffer_keys() {
    constexpr Limits kKib{1, 1048576};
    return {
        integer_key("hardware.buffers.weights_kib", kKib, 256, "KiB",
                    "SRAM for weights. Larger buffers mean fewer passes over the DRAM, but cost "
                    "more per access and more area.",
                    [](Config& c) { return &c.hardware.buffers.weights_kib; }),
        integer_key("hardware.buffers.activations_kib", kKib, 256, "KiB", "SRAM for activations.",
                    [](Config& c) { return &c.hardware.buffers.activations_kib; }),
        integer_key("hardware.buffers.outputs_kib", kKib, 128, "KiB",
                    "SRAM for results on their way to the DRAM, and for the partial sums of a "
                    "weight-stationary array.",
                    [](Config& c) { return &c.hardware.buffers.outputs_kib; }),
        boolean_key("hardware.buffers.double_buffered", true,
                    "Whether each buffer is split in two halves, one being filled while the array "
                    "works on the other: transfers hide behind work, at half the room.",
                    [](Config& c) { return &c.hardware.buffers.double_buffered; }),
        integer_key("hardware.buffers.banks", {1, 64}, 1, "banks",
                    "Equal parts of each buffer with ports of their own, words taking turns. "
                    "Accesses of a smaller bank cost less. The halves of a double buffer lie in "
                    "different banks where there are several.",
                    [](Config& c) { return &c.hardware.buffers.banks; }),
        listed_key("hardware.buffers.ports", {1, 2}, 2, "ports",
                   "Of each bank. 2: it reads a word and writes a word in a cycle; 1: either, so "
                   "filling a buffer, or parking partial sums in it, stalls the array (cause: "
                   "buffer). The tables have no price for the second port: it costs nothing.",
                   [](Config& c) { return &c.hardware.buffers.ports; }),
        word_bits_key("weights", [](Config& c) { return &c.hardware.buffers.weights_word_bits; }),
        word_bits_key("activations",
                      [](Config& c) { return &c.hardware.buffers.activations_word_bits; }),
        word_bits_key("outputs", [](Config& c) { return &c.hardware.buffers.outputs_word_bits; }),
    };
}

std::vector<Key> mapping_keys() {
    using models::OuterLoop;
    const std::vector<Word> automatic{{"auto", 0, "the mapper's choice for each GEMM"}};
    return {
        integer_key(
            "hardware.mapping.tokens", {1, 1048576}, "auto", "tokens",
            "Tokens of a tile of outputs. A tile must fit the buffers; a GEMM smaller than "
            "a tile takes what it needs.",
            [](Config& c) { return &c.hardware.mapping.tokens; }, automatic),
        integer_key(
            "hardware.mapping.outputs", {1, 1048576}, "auto", "channels",
            "Output channels of a tile of outputs.",
            [](Config& c) { return &c.hardware.mapping.outputs; }, automatic),
        integer_key(
            "hardware.mapping.depth", {1, 1048576}, "auto", "products",
            "Depth that is in the buffers at a time: all of it, or a multiple of what "
            "accumulation tiles and folds divide it into.",
            [](Config& c) { return &c.hardware.mapping.depth; }, automatic),
        word_key("hardware.mapping.outer_loop", "auto",
                 "The operand of the outer loop, whose tiles stay in their buffer while the other "
                 "operand streams past, once for each of them.",
                 [](Config& c) { return &c.hardware.mapping.outer_loop; },
                 {choice("auto", OuterLoop::automatic, "the mapper's choice for each GEMM"),
                  choice("weights", OuterLoop::weights, "tiles of weights stay"),
                  choice("activations", OuterLoop::activations, "tiles of activations stay")}),
    };
}

Key layout() {
    using models::Layout;
    return word_key(
        "hardware.memory_interface.layout", "packed",
        "Where the bits of a narrow integer lie in memory. Containers wider than their element "
        "waste DRAM bandwidth and energy; packing needs an unpacker at the interface.",
        [](Config& c) { return &c.hardware.memory_interface.layout; },
        {choice("padded_byte", Layout::padded_byte, "each element in whole bytes: 6 bits take 8"),
         choice("padded_pow2", Layout::padded_pow2,
                "each element in 2, 4, 8 or 16 bits: 3 bits take 4, 6 take 8"),
         choice("aligned_fields", Layout::aligned_fields,
                "back to back inside a word, none straddles two words (word_bits)"),
         choice("packed", Layout::packed, "one stream of bits without any gap")});
}

std::vector<Key> vector_unit_keys() {
    return {integer_key(
        "hardware.vector_unit.lanes", {1, 4096}, "columns", "lanes",
        "Lanes of the unit that scales results back, quantizes, rotates, and computes norms, RoPE, "
        "softmax, SwiGLU and residual adds: one fused multiply-add in single precision each a "
        "cycle. Fewer than the array has columns cannot keep up with its results.",
        [](Config& c) { return &c.hardware.vector_unit.lanes; },
        {{"columns", 0, "one for each column of the array"}})};
}

std::vector<Key> interface_keys() {
    using models::TransferPolicy;
    return {
        layout(),
        listed_key("hardware.memory_interface.word_bits", {64, 128, 256, 512}, 64, "bits",
                   "Word that no element straddles. Used by layout aligned_fields only.",
                   [](Config& c) { return &c.hardware.memory_interface.word_bits; }),
        listed_key("hardware.memory_interface.bus_bits", {32, 64, 128, 256, 512, 1024}, 256, "bits",
                   "Width of the bus between DRAM and buffers: one beat each clock cycle.",
                   [](Config& c) { return &c.hardware.memory_interface.bus_bits; }),
        integer_key("hardware.memory_interface.burst_beats", {1, 256}, 8, "beats",
                    "Beats of one burst, the smallest transfer: its rest is waste when less is "
                    "needed.",
                    [](Config& c) { return &c.hardware.memory_interface.burst_beats; }),
        integer_key("hardware.memory_interface.batch_bursts", {1, 4096}, 4, "bursts",
                    "Bursts of one stream (weights, activations or outputs) before another may "
                    "take the bus. Long batches stay in one DRAM row and hit it more often.",
                    [](Config& c) { return &c.hardware.memory_interface.batch_bursts; }),
        word_key("hardware.memory_interface.transfers", "per_tile",
                 "How the transfers that fill a tile of an operand follow each other.",
                 [](Config& c) { return &c.hardware.memory_interface.transfers; },
                 {choice("per_row", TransferPolicy::per_row,
                         "one a row of the tile, asked for when the one before it has arrived; "
                         "each row's last burst is its own"),
                  choice("per_tile", TransferPolicy::per_tile,
                         "one for all rows that follow each other in memory, else one a row"),
                  choice("coalesced", TransferPolicy::coalesced,
                         "as per_tile, queued behind each other without a wait, those of the next "
                         "tile too; a burst that two rows of a tile share is moved once")}),
        integer_key("hardware.memory_interface.prefetch_tiles", {1, models::kMaxPrefetchTiles}, 1,
                    "tiles",
                    "Tiles of an operand that are loaded ahead of the one in use, with "
                    "hardware.buffers.double_buffered; they share the buffer, so that more ahead "
                    "means smaller tiles.",
                    [](Config& c) { return &c.hardware.memory_interface.prefetch_tiles; }),
    };
}

std::vector<Key> cluster_keys() {
    using models::ClusterSplit;
    return {
        also_called(
            integer_key(
                "hardware.clusters", {1, 64}, 1, "clusters",
                "Equal data paths, each with its own array, buffers, vector unit and memory "
                "interface as configured here, that share the DRAM over an interconnect. "
                "Each operation is divided among them and done when the last of them is; "
                "the mapper works on a cluster's part. No value depends on it. Passes of "
                "the vector unit are divided by rows (tokens, or tokens and heads), "
                "whatever cluster_split says. Area and leakage are those of all clusters and "
                "the interconnect's registers.",
                [](Config& c) { return &c.hardware.clusters; }),
            {"cores"}),
        word_key("hardware.cluster_split", "output_channels",
                 "How one matrix product is divided among clusters, as evenly as can be.",
                 [](Config& c) { return &c.hardware.cluster_split; },
                 {choice("output_channels", ClusterSplit::output_channels,
                         "each cluster reads the weights of its channels, and all activations. "
                         "Products of probabilities with cached values, which lie in memory "
                         "position after position, are divided by tokens all the same"),
                  choice("tokens", ClusterSplit::tokens,
                         "each cluster reads the activations of its tokens, and all weights: when "
                         "a batch of 1 is decoded, one cluster does all")}),
        integer_key("hardware.interconnect.bits_per_cycle", {8, 65536}, 512, "bits a cycle",
                    "Bits that all clusters together can read in a clock cycle, and as many that "
                    "they can write. First come, first served; those of one cycle by the number of "
                    "their cluster.",
                    [](Config& c) { return &c.hardware.interconnect.bits_per_cycle; }),
        integer_key("hardware.interconnect.latency_cycles", {1, 1000}, 4, "cycles",
                    "From a cluster's memory interface to the DRAM controller, and the same back.",
                    [](Config& c) { return &c.hardware.interconnect.latency_cycles; }),
    };
}

std::vector<Key> dram_keys() {
    using models::DramPagePolicy;
    using models::DramScheduling;
    return {
        text_key("hardware.dram", "lpddr5_6400",
                 "a name in configs/dram, or the path of a .yaml file",
                 "Table of the DRAM: organization, JEDEC timing and energy, each with its source.",
                 [](Config& c) { return &c.dram; }),
        integer_key("hardware.dram_channels", {1, 64}, 1, "channels", "Identical DRAM channels.",
                    [](Config& c) { return &c.hardware.dram.channels; }),
        text_key("hardware.dram_address_mapping", "rorabacobgch",
                 "ro, ra, ch, ba, bg, co once each, ro before all but ra",
                 "Which part of the DRAM each part of an address selects, from the highest digit "
                 "to the lowest, in DRAMsim3's notation: row, rank (there is one), channel, bank "
                 "within its group, bank group, column (an atom of it). rorabacobgch spreads "
                 "consecutive atoms over channels, then over bank groups, which is what lets a "
                 "stream run at the bus's rate; rochrababgco fills a row of one bank first.",
                 [](Config& c) { return &c.hardware.dram.policy.address_mapping; }),
        word_key("hardware.dram_page_policy", "open", "How long a DRAM row stays open.",
                 [](Config& c) { return &c.hardware.dram.policy.page; },
                 {choice("open", DramPagePolicy::open,
                         "until another row of its bank is wanted: good for streams"),
                  choice("closed", DramPagePolicy::closed,
                         "until the request (hardware.memory_interface.batch_bursts) that opened "
                         "it is through: good for scattered requests")}),
        word_key("hardware.dram_scheduling", "in_order",
                 "In which order the DRAM controller serves the atoms of a request. It sees 32 of "
                 "them ahead; requests are served one after the other.",
                 [](Config& c) { return &c.hardware.dram.policy.scheduling; },
                 {choice("in_order", DramScheduling::in_order, "by rising address"),
                  choice("fr_fcfs", DramScheduling::fr_fcfs,
                         "of those whose row is open the one that can go first, the oldest among "
                         "equals; none is passed over more than 32 times")}),
    };
}

std::vector<Key> table_keys() {
    return {
        text_key("hardware.technology", "asap7",
                 "a name in configs/technology, or the path of a .yaml file",
                 "Table of energy, area and leakage coefficients, each with its source.",
                 [](Config& c) { return &c.technology; }),
        text_key("hardware.cost_profile", "default", "a profile that the technology file defines",
                 "Which calibration of the technology table to use: raw synthesis values, or "
                 "values scaled to published silicon.",
                 [](Config& c) { return &c.cost_profile; }),
    };
}

}  // namespace

std::vector<Key> energy_keys() {
    return {
        word_key("energy.activity", "nominal",
                 "Whose toggling bits the energy of multiply-accumulates is that of.",
                 [](Config& c) { return &c.energy.activity; },
                 {choice("nominal", Activity::nominal,
                         "operands that use their whole range, normally distributed: those that "
                         "the technology's energies were measured with"),
                  choice("measured", Activity::measured,
                         "the operands of the run: some units of every tile are watched, and each "
                         "bit of a partial product or an accumulator that toggles beyond or short "
                         "of the nominal number costs or saves what the technology says. Needs "
                         "values, and a technology that knows")}),
    };
}

std::vector<Key> hardware_keys() {
    std::vector<Key> keys;
    for (auto* part : {compute_keys, buffer_keys, mapping_keys, vector_unit_keys, interface_keys,
                       cluster_keys, dram_keys, table_keys}) {
        for (Key& key : part()) keys.push_back(std::move(key));
    }
    return keys;
}

}  // namespace axesim::sim
