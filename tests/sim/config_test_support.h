// SPDX-License-Identifier: Apache-2.0
// Config texts to configs or messages, for the tests of sim/config.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "sim/config/config.h"

namespace axesim::sim::testing_support {

/// The four lines that a config needs.
inline const std::string kLeast =
    "number_format: {weight_bits: 6, activation_bits: 6}\n"
    "accumulator: {inner_bits: 16, tile_size: 64}\n";

/// A file of this text in a folder of its own; removed with the object.
class ConfigFile {
public:
    explicit ConfigFile(const std::string& text, const std::string& name = "design.yaml");
    ~ConfigFile();
    ConfigFile(const ConfigFile&) = delete;
    ConfigFile& operator=(const ConfigFile&) = delete;
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

Config config_of(const std::string& text, const std::vector<std::string>& overrides = {});

/// What load_config throws, with the file's path written as FILE; "" when it throws nothing.
std::string error_of(const std::string& text, const std::vector<std::string>& overrides = {});

}  // namespace axesim::sim::testing_support
