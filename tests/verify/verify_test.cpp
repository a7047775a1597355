// SPDX-License-Identifier: Apache-2.0
// The independent check of an export against the certificate and against enumeration, on sound
// files, on files that lie and on files that are broken.
#include "verify/verify.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <list>
#include <map>
#include <random>

#include "common/error.h"
#include "common/matrix.h"
#include "common/safetensors_file.h"
#include "quant/certificate.h"
#include "tests/common/any_tile_scale.h"

namespace axesim::verify {
namespace {

using Codes = Matrix<std::int16_t>;

std::vector<std::byte> bytes_of(const Codes& codes, bool wide) {
    std::vector<std::byte> bytes;
    for (Index i = 0; i < codes.size(); ++i) {
        const auto value = static_cast<std::uint16_t>(codes.data()[i]);
        bytes.push_back(static_cast<std::byte>(value & 0xff));
        if (wide) bytes.push_back(static_cast<std::byte>(value >> 8));
    }
    return bytes;
}

class Verify : public testing::Test {
protected:
    void SetUp() override {
        directory_ = std::filesystem::temp_directory_path() /
                     ("axesim_verify_" + std::to_string(::getpid()) + "_" +
                      testing::UnitTest::GetInstance()->current_test_info()->name());
        std::filesystem::create_directories(directory_);
        metadata_ = {{"weight_bits", "4"},    {"activation_bits", "4"},
                     {"activation_min", "0"}, {"activation_max", "15"},
                     {"inner_bits", "8"},     {"tile_size", "4"},
                     {"lanes", "1"}};
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    void add(const std::string& name, const Codes& codes, bool wide = false) {
        storage_.push_back(bytes_of(codes, wide));
        tensors_[name + ".weight"] = SafeTensor{
            wide ? "I16" : "I8", {codes.rows(), codes.cols()}, std::span(storage_.back())};
    }
    void add_tile_scales(const std::string& name, const TileScales& tile_scales,
                         WeightGroups groups = WeightGroups::power_of_two) {
        metadata_["weight_groups"] =
            groups == WeightGroups::power_of_two ? "power_of_two" : "integer";
        storage_.push_back(bytes_of(tile_scales.cast<std::int16_t>(), false));
        tensors_[name + ".tile_scale"] =
            SafeTensor{"U8", {tile_scales.rows(), tile_scales.cols()}, std::span(storage_.back())};
    }
    void write() const {
        write_safetensors(directory_ / "quantized.safetensors", tensors_, metadata_);
    }
    VerifyReport check() const {
        write();
        return verify_export(directory_);
    }
    std::string complaint() const {
        try {
            check();
        } catch (const UserError& error) {
            return error.what();
        }
        return "";
    }

    std::filesystem::path directory_;
    std::map<std::string, std::string> metadata_;
    std::map<std::string, SafeTensor> tensors_;
    std::list<std::vector<std::byte>> storage_;
};

Codes small_layer() {
    Codes codes(2, 6);
    codes << 4, 4, -8, 0, 1, 2,  //
        -3, 5, 3, -5, -7, 7;
    return codes;
}

TEST_F(Verify, ReportsTheExactExtremes) {
    add("model.layers.0.mlp.up_proj", small_layer());
    const VerifyReport report = check();
    ASSERT_EQ(report.layers.size(), 1U);
    const LayerReport& layer = report.layers[0];
    EXPECT_TRUE(report.ok());
    EXPECT_EQ(layer.name, "model.layers.0.mlp.up_proj");
    EXPECT_EQ(layer.channels, 2);
    EXPECT_EQ(layer.depth, 6);
    EXPECT_EQ(layer.inner.reached, (IntegerRange{-120, 120}));
    EXPECT_EQ(layer.inner.needed_bits, 8);
    EXPECT_EQ(layer.inner.spare_bits(), 0);
    EXPECT_EQ(layer.outer.reached, (IntegerRange{-225, 225}));  // -8 * 15 - 7 * 15, 8 * 15 + 7 * 15
    EXPECT_EQ(layer.outer.bits, 9);                             // auto: 8 + log2(2 tiles)
    EXPECT_EQ(layer.outer.needed_bits, 9);
    EXPECT_EQ(layer.codes, (IntegerRange{-8, 7}));
    const std::string text = render_text(report);
    EXPECT_NE(text.find("model.layers.0.mlp.up_proj"), std::string::npos);
    EXPECT_NE(text.find("\nverified: "), std::string::npos);
}

TEST_F(Verify, ATamperedCodeIsFound) {
    Codes codes = small_layer();
    codes(1, 2) = 4;  // the tile's positive sum becomes 9: 135 does not fit 8 bits
    add("down_proj", codes);
    const VerifyReport report = check();
    EXPECT_FALSE(report.ok());
    ASSERT_TRUE(report.layers[0].violation);
    EXPECT_EQ(report.layers[0].violation->channel, 1);
    EXPECT_EQ(report.layers[0].violation->tile, 0);
    EXPECT_EQ(report.layers[0].violation->range, (IntegerRange{-120, 135}));
    EXPECT_EQ(report.layers[0].inner.needed_bits, 9);
    EXPECT_EQ(report.layers[0].inner.spare_bits(), -1);
    const std::string text = render_text(report);
    EXPECT_NE(text.find("OVERFLOW: channel 1, tile 0, [-120, 135]"), std::string::npos);
    EXPECT_NE(text.find("NOT VERIFIED"), std::string::npos);
}

TEST_F(Verify, ALyingOuterAccumulatorIsFound) {
    add("a", small_layer());
    metadata_["a.outer_bits"] = "8";
    metadata_["outer_bits"] = "20";
    const VerifyReport report = check();
    EXPECT_FALSE(report.ok());
    ASSERT_TRUE(report.layers[0].violation);
    EXPECT_EQ(report.layers[0].violation->tile, -1);
    metadata_.erase("a.outer_bits");
    EXPECT_TRUE(check().ok());
}

TileScales small_tile_scales() {
    TileScales tile_scales(2, 2);
    tile_scales << 2, 8,  //
        1, 4;
    return tile_scales;
}

TEST_F(Verify, ScaledTilesReachTheOuterAccumulator) {
    add("a", small_layer());
    add_tile_scales("a", small_tile_scales());
    const VerifyReport report = check();
    const LayerReport& layer = report.layers[0];
    EXPECT_TRUE(report.ok());
    EXPECT_EQ(layer.inner.reached, (IntegerRange{-120, 120}));
    // Channel 0: 2 [-120, 120], then 8 [0, 45]; channel 1: [-120, 120], then 4 [-105, 105].
    EXPECT_EQ(layer.outer.reached, (IntegerRange{-540, 600}));
    EXPECT_EQ(layer.outer.bits, 8 + 7 + 1);
    EXPECT_EQ(layer.outer.needed_bits, 11);
    EXPECT_EQ(layer.tile_scales, (IntegerRange{1, 8}));
}

TEST_F(Verify, ATamperedScaleIsFound) {
    add("a", small_layer());
    metadata_["a.outer_bits"] = "11";
    TileScales tile_scales = small_tile_scales();
    add_tile_scales("a", tile_scales);
    EXPECT_TRUE(check().ok());
    tile_scales(0, 1) = 32;  // 240 + 45 * 32 does not fit
    add_tile_scales("a", tile_scales);
    const VerifyReport report = check();
    EXPECT_FALSE(report.ok());
    ASSERT_TRUE(report.layers[0].violation);
    EXPECT_EQ(report.layers[0].violation->channel, 0);
    EXPECT_EQ(report.layers[0].violation->tile, -1);
    EXPECT_EQ(report.layers[0].violation->range, (IntegerRange{-240, 1680}));
    for (const int impossible : {0, 3, 130}) {
        metadata_["a.outer_bits"] = "40";
        tile_scales(0, 1) = static_cast<std::uint8_t>(impossible);
        add_tile_scales("a", tile_scales);
        EXPECT_FALSE(check().ok());
        EXPECT_FALSE(check().layers[0].tile_scales_in_range);
        EXPECT_NE(render_text(check()).find("are not all among"), std::string::npos);
    }
}

TEST_F(Verify, ScalesThatAreMissingOrOfAnotherShapeAreTheUsersToMend) {
    add("a", small_layer());
    metadata_["weight_groups"] = "power_of_two";
    EXPECT_NE(complaint().find("no tensor 'a.tile_scale'"), std::string::npos);
    add_tile_scales("a", TileScales::Ones(2, 3));
    EXPECT_NE(complaint().find("must be U8 [2, 2]"), std::string::npos);
    metadata_["weight_groups"] = "float";
    EXPECT_NE(complaint().find("weight_groups"), std::string::npos);
}

TEST_F(Verify, CodesAndActivationsMustBeOfTheirWidths) {
    Codes codes = small_layer();
    add("a", codes);
    metadata_["activation_max"] = "16";
    EXPECT_FALSE(check().layers[0].activations_in_range);
    EXPECT_FALSE(check().ok());
    metadata_["activation_max"] = "15";
    metadata_["weight_bits"] = "3";
    const VerifyReport report = check();
    EXPECT_FALSE(report.layers[0].codes_in_range);
    EXPECT_FALSE(report.ok());
    EXPECT_NE(render_text(report).find("not 3-bit"), std::string::npos);
}

/// Layers of other widths than the file's: believed for their own layer only, and checked.
TEST_F(Verify, ALayerMayHaveWidthsOfItsOwn) {
    Codes codes = small_layer();
    codes(0, 0) = 15;  // no 4-bit code; with it a tile reaches 19 * 7 = 133
    add("a", small_layer());
    add("b", codes);
    EXPECT_FALSE(check().ok());
    metadata_["b.weight_bits"] = "5";
    metadata_["b.activation_bits"] = "3";
    metadata_["b.activation_max"] = "7";
    EXPECT_FALSE(check().ok()) << "133 does not fit 8 bits";
    metadata_["b.inner_bits"] = "9";
    const VerifyReport report = check();
    EXPECT_TRUE(report.ok());
    EXPECT_EQ(report.layers[0].inner.reached, (IntegerRange{-120, 120}));
    EXPECT_EQ(report.layers[1].inner.reached, (IntegerRange{-56, 133}));
    EXPECT_EQ(report.layers[1].inner.bits, 9);
    const std::string text = render_text(report);
    EXPECT_NE(text.find("W5 A3, activations [0, 7]: ok"), std::string::npos) << text;
    EXPECT_NE(text.find("verified: no activations in their ranges"), std::string::npos) << text;

    metadata_["b.activation_max"] = "8";
    EXPECT_FALSE(check().ok()) << "nine codes are not of 3 bits";
    EXPECT_NE(render_text(check()).find("activations [0, 8] are not 3-bit"), std::string::npos);
    metadata_["b.activation_max"] = "-1";
    EXPECT_NE(complaint().find("b: activation_min is greater"), std::string::npos) << complaint();
}

TEST_F(Verify, AgreesWithTheCertificateOnRandomExports) {
    std::mt19937 random(5);
    const auto pick = [&](int low, int high) {
        return std::uniform_int_distribution<int>(low, high)(random);
    };
    int certified = 0;
    for (int trial = 0; trial < 300; ++trial) {
        SCOPED_TRACE(trial);
        tensors_.clear();
        storage_.clear();
        const int m = pick(2, 10);
        Codes codes(pick(1, 4), pick(1, 40));
        const IntegerRange weights = signed_range(m);
        for (Index i = 0; i < codes.size(); ++i) {
            codes.data()[i] = static_cast<std::int16_t>(
                pick(static_cast<int>(weights.min), static_cast<int>(weights.max)));
        }
        const int n = pick(2, 8);
        const IntegerRange x = pick(0, 1) == 1 ? unsigned_range(n) : signed_range(n);
        AccumulatorFormat format;
        format.inner_bits = m + n + pick(0, 5);
        format.tile_size = pick(0, 45);
        format.outer_bits = pick(0, 1) * (format.inner_bits + pick(0, 4));
        format.lanes = pick(1, 8);
        metadata_ = {{"weight_bits", std::to_string(m)},
                     {"activation_bits", std::to_string(n)},
                     {"activation_min", std::to_string(x.min)},
                     {"activation_max", std::to_string(x.max)},
                     {"inner_bits", std::to_string(format.inner_bits)},
                     {"tile_size", format.tile_size == 0 && pick(0, 1) == 1
                                       ? "monolithic"
                                       : std::to_string(format.tile_size)},
                     {"lanes", std::to_string(format.lanes)}};
        if (format.outer_bits > 0) metadata_["l.outer_bits"] = std::to_string(format.outer_bits);
        add("l", codes, m > 8 || pick(0, 1) == 1);
        TileScales tile_scales;
        if (trial % 3 == 0) {
            format.groups = trial % 2 == 0 ? WeightGroups::power_of_two : WeightGroups::integer;
            tile_scales = TileScales::NullaryExpr(
                codes.rows(), format.tile_count(codes.cols()),
                [&] { return any_tile_scale(format.groups, pick(0, kTileScaleChoices - 1)); });
            add_tile_scales("l", tile_scales, format.groups);
        }
        const VerifyReport report = check();
        const auto proof = quant::certify(codes, x, format, tile_scales);
        const LayerReport& layer = report.layers.at(0);
        ASSERT_EQ(layer.inner.reached, proof.inner);
        ASSERT_EQ(layer.outer.reached, proof.outer);
        ASSERT_EQ(layer.outer.bits, proof.outer_bits);
        ASSERT_EQ(report.ok(), proof.certified);
        ASSERT_EQ(layer.violation.has_value(), proof.violation.has_value());
        if (layer.violation) {
            ASSERT_EQ(layer.violation->channel, proof.violation->channel);
            ASSERT_EQ(layer.violation->tile, proof.violation->tile);
            ASSERT_EQ(layer.violation->range, proof.violation->range);
        }
        ASSERT_EQ(layer.inner.needed_bits, signed_bits_for(proof.inner));
        ASSERT_EQ(layer.outer.needed_bits, signed_bits_for(proof.outer));
        certified += proof.certified ? 1 : 0;
    }
    EXPECT_GT(certified, 30);
    EXPECT_LT(certified, 270);
}

TEST_F(Verify, LayersComeInNameOrderAndOtherTensorsAreLeftAlone) {
    add("b", small_layer());
    add("a", small_layer());
    storage_.push_back(std::vector<std::byte>(8));
    tensors_["a.weight_scale"] = SafeTensor{"F32", {2}, std::span(storage_.back())};
    tensors_["norm.weight"] = SafeTensor{"F32", {2}, std::span(storage_.back())};
    const VerifyReport report = check();
    ASSERT_EQ(report.layers.size(), 2U);
    EXPECT_EQ(report.layers[0].name, "a");
    EXPECT_EQ(report.layers[1].name, "b");
}

TEST_F(Verify, BrokenFilesAreTheUsersToMend) {
    EXPECT_THROW(verify_export(directory_ / "absent"), UserError);
    EXPECT_NE(complaint().find("no integer tensor"), std::string::npos);
    add("a", small_layer());
    EXPECT_EQ(complaint(), "");
    metadata_["inner_bits"] = "8x";
    EXPECT_NE(complaint().find("'inner_bits' is '8x'"), std::string::npos);
    metadata_["inner_bits"] = "99";
    EXPECT_NE(complaint().find("2..62"), std::string::npos);
    metadata_.erase("inner_bits");
    EXPECT_NE(complaint().find("has no metadata 'inner_bits'"), std::string::npos);
    metadata_["inner_bits"] = "8";
    metadata_["tile_size"] = "-4";
    EXPECT_NE(complaint().find("tile_size"), std::string::npos);
    metadata_["tile_size"] = "4";
    metadata_["activation_min"] = "20";
    EXPECT_NE(complaint().find("greater"), std::string::npos);
    metadata_["activation_min"] = "0";
    storage_.push_back(std::vector<std::byte>(16));
    tensors_["c.weight"] = SafeTensor{"F32", {2, 2}, std::span(storage_.back())};
    tensors_["c.weight_scale"] = SafeTensor{"F32", {4}, std::span(storage_.back())};
    EXPECT_NE(complaint().find("must be I8 or I16"), std::string::npos);
    tensors_["c.weight"] = SafeTensor{"I8", {16}, std::span(storage_.back())};
    EXPECT_NE(complaint().find("[out, in]"), std::string::npos);
}

TEST_F(Verify, ACutFileIsTheUsersToMend) {
    add("a", small_layer());
    write();
    const auto path = directory_ / "quantized.safetensors";
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - 3);
    EXPECT_THROW(verify_export(directory_), UserError);
    std::ofstream(path) << "nonsense";
    EXPECT_THROW(verify_export(directory_), UserError);
}

}  // namespace
}  // namespace axesim::verify
