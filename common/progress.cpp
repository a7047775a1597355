// SPDX-License-Identifier: Apache-2.0
#include "common/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace axesim {

namespace {

std::string duration(double seconds) {
    if (seconds < 60) return fmt::format("{:.0f} s", seconds);
    const long whole = std::lround(seconds);
    return fmt::format("{} min {:02d} s", whole / 60, whole % 60);
}

}  // namespace

Progress::Style Progress::detect_style(bool quiet) {
    if (quiet) return Style::none;
    return ::isatty(STDERR_FILENO) ? Style::bar : Style::lines;
}

Progress::~Progress() {
    // A job that an exception cut short leaves the error message a line of its own.
    if (style_ == Style::bar && total_ > 0) std::fputc('\n', stderr);
}

void Progress::start(const std::string& job, std::uint64_t total, std::uint64_t done) {
    job_ = job;
    total_ = std::max<std::uint64_t>(total, 1);
    done_ = std::min(total_, done);
    done_before_ = done_;
    elapsed_.restart();
    drawn_.restart();
    if (style_ == Style::bar) draw("", false);
    if (style_ == Style::lines) fmt::print(stderr, "{} ...\n", job_);
}

void Progress::advance(std::uint64_t steps, const std::string& detail) {
    done_ = std::min(total_, done_ + steps);
    const double pause = style_ == Style::bar ? 0.1 : 10.0;
    if (style_ != Style::none && drawn_.seconds() >= pause) {
        drawn_.restart();
        draw(detail, false);
    }
}

void Progress::finish() {
    done_ = total_;
    draw("", true);
    total_ = 0;
}

void Progress::note(const std::string& text) const {
    const bool on_bar = style_ == Style::bar && total_ > 0;
    if (style_ != Style::none) fmt::print(stderr, "{}{}\n", on_bar ? "\r\033[K" : "", text);
}

void Progress::draw(const std::string& detail, bool last) {
    const double elapsed = elapsed_.seconds();
    const double share = static_cast<double>(done_) / static_cast<double>(total_);
    const auto own = static_cast<double>(done_ - done_before_);
    const double left = own > 0 ? elapsed * static_cast<double>(total_ - done_) / own : 0;
    if (style_ == Style::bar) {
        constexpr int kWidth = 30;
        const int filled = static_cast<int>(share * kWidth);
        const std::string note = last      ? duration(elapsed)
                                 : own > 0 ? duration(left) + " left  " + detail
                                           : "";
        fmt::print(stderr, "\r\033[K{:<32} [{:#<{}}{:.<{}}] {:3.0f} %  {}", job_, "", filled, "",
                   kWidth - filled, share * 100, note);
        if (last) std::fputc('\n', stderr);
    } else if (style_ == Style::lines) {
        fmt::print(stderr, "{}: {}\n", job_,
                   last ? "done in " + duration(elapsed)
                        : fmt::format("{:.0f} %, {} left", share * 100, duration(left)));
    }
}

}  // namespace axesim
