// SPDX-License-Identifier: Apache-2.0
// Integers that wait on disk are the integers that were put there, and those of a model are the
// same wherever they wait.
#include "sim/integer_store.h"

#include <gtest/gtest.h>

#include "common/error.h"
#include "sim/calibrate.h"
#include "sim/export.h"
#include "tests/sim/config_test_support.h"
#include "tests/sim/tiny_model.h"
#include "tests/temporary_directory.h"

namespace axesim::sim {
namespace {

namespace fs = std::filesystem;
using workloads::LinearKind;

Matrix<std::int16_t> codes(Index rows, Index columns, int first) {
    Matrix<std::int16_t> matrix(rows, columns);
    for (Index i = 0; i < matrix.size(); ++i) {
        matrix.data()[i] = static_cast<std::int16_t>(first + 4099 * i);
    }
    return matrix;
}

TEST(IntegerStore, GivesBackWhatWasPut) {
    const testing::TemporaryDirectory folder;
    IntegerStore store(folder.path() / "made");
    const Matrix<std::int16_t> q = codes(7, 13, -30000), down = codes(900, 700, 5);
    store.put({0, LinearKind::q_proj}, q);
    store.put({3, LinearKind::down_proj}, down);
    EXPECT_EQ(store.get({3, LinearKind::down_proj}), down);
    EXPECT_EQ(store.get({0, LinearKind::q_proj}), q);
    EXPECT_EQ(store.get({3, LinearKind::down_proj}), down);
    EXPECT_TRUE(fs::is_empty(folder.path() / "made")) << "a killed process would leave a file";
}

TEST(IntegerStore, SaysWhereNoFileCanBeMade) {
    try {
        IntegerStore store("/proc/no_such_folder");
        FAIL();
    } catch (const RunError& error) {
        EXPECT_EQ(std::string(error.what()).find("/proc/no_such_folder: no file for integer"), 0U)
            << error.what();
    }
}

TEST(IntegerStore, AModelHasTheSameIntegersInMemoryAndOnDisk) {
    const Tiny tiny({});
    for (const char* algorithm : {"naive_round", "gpfq"}) {
        const testing_support::ConfigFile file(
            "number_format: {weight_bits: 6, activation_bits: 6}\n"
            "accumulator: {inner_bits: 14, tile_size: 8}\n"
            "quantizer: {algorithm: " +
            std::string(algorithm) + ", accumulator_aware: axe}\n");
        Config config = load_config(file.path(), {});
        config.quantizer.calibration = {.text = "default", .sequences = 4, .length = 24};
        const testing::TemporaryDirectory folder;
        Progress progress(Progress::Style::none);
        const QuantizedModel in_memory = quantize_model(tiny.model, config, progress);
        const QuantizedModel on_disk =
            quantize_model(tiny.model, config, progress, {folder.path() / "partial"});
        ASSERT_EQ(in_memory.codes_on_disk, nullptr);
        ASSERT_EQ(in_memory.layers.size(), on_disk.layers.size());
        quant::QuantizedLinear room, other_room;
        for (const auto& [id, layer] : on_disk.layers) {
            EXPECT_EQ(layer.linear.codes.size(), 0) << "still in memory";
            EXPECT_GT(in_memory.linear(id, room).codes.size(), 0);
            EXPECT_EQ(on_disk.linear(id, other_room).codes, in_memory.linear(id, room).codes);
            EXPECT_EQ(on_disk.linear(id, other_room).step, in_memory.linear(id, room).step);
        }
        const auto exported = [&](const QuantizedModel& model, const char* name) {
            fs::create_directory(folder.path() / name);
            export_weights(folder.path() / name, model, config);
            return read_text_file(folder.path() / name / "quantized.safetensors");
        };
        EXPECT_EQ(exported(on_disk, "disk"), exported(in_memory, "memory"));
    }
}

}  // namespace
}  // namespace axesim::sim
