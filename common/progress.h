// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "common/stopwatch.h"

namespace axesim {

/// Progress of a long job on stderr: a bar with the time left on a terminal, a plain line now and
/// then elsewhere, nothing when quiet.
class Progress {
public:
    enum class Style { bar, lines, none };

    /// The style that suits stderr.
    static Style detect_style(bool quiet);

    explicit Progress(Style style) : style_(style) {}
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// A new job of `total` equal steps, `done` of which an earlier run has done.
    void start(const std::string& job, std::uint64_t total, std::uint64_t done = 0);
    /// `steps` more of them are done; `detail` says which (a layer's name).
    void advance(std::uint64_t steps, const std::string& detail = "");
    /// Ends the job with its wall time.
    void finish();
    /// A line that stays, between two jobs or before the next step is shown.
    void note(const std::string& text) const;

private:
    void draw(const std::string& detail, bool last);

    Style style_;
    std::string job_;
    std::uint64_t total_ = 0;
    std::uint64_t done_ = 0;
    std::uint64_t done_before_ = 0;  ///< by an earlier run
    Stopwatch elapsed_;              ///< since the job's start
    Stopwatch drawn_;                ///< since the last time that it was shown
};

}  // namespace axesim
