// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <time.h>

#include <chrono>

namespace axesim {

/// Wall time since construction or the last restart().
class Stopwatch {
public:
    double seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }
    void restart() { begin_ = Clock::now(); }

private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point begin_ = Clock::now();
};

/// Processor time of all threads of this process since construction or the last restart(): what a
/// job costs whatever else the machine does.
class ProcessorStopwatch {
public:
    double seconds() const { return now() - begin_; }
    void restart() { begin_ = now(); }

private:
    static double now() {
        struct timespec time {};
        ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
        return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
    }
    double begin_ = now();
};

}  // namespace axesim
