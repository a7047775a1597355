// SPDX-License-Identifier: Apache-2.0
#include "config_test_support.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "common/error.h"

namespace axesim::sim::testing_support {

namespace {

/// configs/ of this source tree, wherever the tests were built.
class SourceTreeData : public ::testing::Environment {
public:
    void SetUp() override { setenv("AXESIM_DATA", AXESIM_SOURCE_DIR, 1); }
};

[[maybe_unused]] const ::testing::Environment* const kEnvironment =
    ::testing::AddGlobalTestEnvironment(new SourceTreeData);

std::filesystem::path new_folder() {
    std::string pattern = ::testing::TempDir() + "axesim_config_XXXXXX";
    if (!mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder");
    return pattern;
}

}  // namespace

ConfigFile::ConfigFile(const std::string& text, const std::string& name)
    : path_(new_folder() / name) {
    std::ofstream(path_) << text;
}

ConfigFile::~ConfigFile() {
    std::error_code ignored;
    std::filesystem::remove_all(path_.parent_path(), ignored);
}

Config config_of(const std::string& text, const std::vector<std::string>& overrides) {
    return load_config(ConfigFile(text).path(), overrides);
}

std::string error_of(const std::string& text, const std::vector<std::string>& overrides) {
    const ConfigFile file(text);
    try {
        load_config(file.path(), overrides);
    } catch (const UserError& error) {
        std::string message = error.what();
        const std::string path = file.path().string();
        if (message.starts_with(path)) message.replace(0, path.size(), "FILE");
        return message;
    }
    return "";
}

}  // namespace axesim::sim::testing_support
