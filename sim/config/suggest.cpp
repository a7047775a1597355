// SPDX-License-Identifier: Apache-2.0
// What a user may have meant by a key that does not exist.
#include <algorithm>
#include <limits>

#include "common/error.h"
#include "sim/config/schema.h"

namespace axesim::sim {

namespace {

std::vector<std::string> all_paths() {
    std::vector<std::string> paths;
    for (const Key& key : schema()) paths.push_back(key.path);
    for (const Section& section : sections()) paths.push_back(section.path);
    return paths;
}

std::size_t common_prefix(const std::string& a, const std::string& b) {
    return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

/// Of several paths, the one that begins most like `path`; "" of none.
std::string closest_place(const std::string& path, const std::vector<std::string>& candidates) {
    std::string best;
    std::size_t longest = 0;
    for (const std::string& candidate : candidates) {
        const std::size_t prefix = common_prefix(path, candidate);
        if (best.empty() || prefix > longest) {
            best = candidate;
            longest = prefix;
        }
    }
    return best;
}

std::vector<std::string> paths_with_leaf(const std::string& leaf) {
    std::vector<std::string> paths = all_paths();
    std::erase_if(paths, [&](const std::string& path) { return leaf_of(path) != leaf; });
    return paths;
}

std::string path_also_called(const std::string& name) {
    for (const Key& key : schema()) {
        if (std::ranges::find(key.also_called, name) != key.also_called.end()) return key.path;
    }
    return "";
}

std::string nearest_in_section(const std::string& path) {
    const std::string name = nearest_name(leaf_of(path), children(parent_of(path)));
    return name.empty() ? "" : join_path(parent_of(path), name);
}

std::string nearest_leaf_anywhere(const std::string& path) {
    std::vector<std::string> leaves;
    for (const std::string& candidate : all_paths()) leaves.push_back(leaf_of(candidate));
    return closest_place(path, paths_with_leaf(nearest_name(leaf_of(path), leaves)));
}

}  // namespace

std::string did_you_mean_key(const std::string& unknown_path) {
    const std::string leaf = leaf_of(unknown_path);
    for (const std::string& guess :
         {closest_place(unknown_path, paths_with_leaf(leaf)), path_also_called(leaf),
          nearest_in_section(unknown_path), nearest_name(unknown_path, all_paths()),
          nearest_leaf_anywhere(unknown_path)}) {
        if (!guess.empty()) return "; did you mean " + guess + "?";
    }
    return "";
}

}  // namespace axesim::sim
