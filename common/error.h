// SPDX-License-Identifier: Apache-2.0
// The two ways in which a run can end early. Nothing in axesim calls exit() or prints an error
// itself: main() turns these into one message on stderr and the exit status.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace axesim {

/// Where in an input the trouble stands. `line` and `column` count from 1; 0 means "not known".
struct Location {
    std::string file;
    int line = 0;
    int column = 0;

    /// "FILE:LINE:COL", leaving out what is not known.
    std::string str() const;
};

/// The user can mend this: an option, a config, a model file, a text. Exit status 2.
class UserError : public std::runtime_error {
public:
    explicit UserError(const std::string& message) : std::runtime_error(message) {}
    UserError(const Location& where, const std::string& message)
        : std::runtime_error(where.str() + ": " + message) {}
};

/// Wrong is the value of a config key, and whoever noticed does not know the config's file. The
/// message names the key; sim/ puts the place before it.
class KeyError : public UserError {
public:
    KeyError(const std::string& key, const std::string& what)
        : UserError(key + ": " + what), key_(key) {}
    const std::string& key() const { return key_; }

private:
    std::string key_;
};

/// The run itself failed: input or output, a trap on overflow, a file that lies. Exit status 1.
class RunError : public std::runtime_error {
public:
    explicit RunError(const std::string& message) : std::runtime_error(message) {}
};

/// The candidate nearest to a misspelt name (edit distance), or "" when none is near.
std::string nearest_name(const std::string& name, const std::vector<std::string>& candidates);

/// "; did you mean X?", or "" when no candidate is near.
std::string did_you_mean(const std::string& name, const std::vector<std::string>& candidates);

}  // namespace axesim
