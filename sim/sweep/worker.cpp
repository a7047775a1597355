// SPDX-License-Identifier: Apache-2.0
#include "sim/sweep/worker.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "common/error.h"

namespace axesim::sim {

namespace {

constexpr int kNotStarted = 127;  // as shells say it

/// In the new process, where only what is safe in a signal handler may be called.
[[noreturn]] void become_worker(pid_t parent, char* const* arguments, const char* out,
                                const char* errors) {
    // Set too late, if the parent has ended already: then this process has another one.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(kNotStarted);
    const auto redirect = [](const char* path, int descriptor, int flags) {
        const int fd = ::open(path, flags, 0666);
        if (fd < 0 || ::dup2(fd, descriptor) < 0) ::_exit(kNotStarted);
    };
    redirect("/dev/null", STDIN_FILENO, O_RDONLY);
    redirect(errors, STDERR_FILENO, O_WRONLY | O_CREAT | O_TRUNC);
    redirect(out, STDOUT_FILENO, O_WRONLY | O_CREAT | O_TRUNC);
    ::execv("/proc/self/exe", arguments);
    ::_exit(kNotStarted);
}

}  // namespace

pid_t start_worker(const std::vector<std::string>& arguments, const std::filesystem::path& out,
                   const std::filesystem::path& errors) {
    std::vector<std::string> words{"axesim"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0) {
        throw RunError(fmt::format("no process can be started: {}", std::strerror(errno)));
    }
    if (child == 0) become_worker(parent, pointers.data(), out.c_str(), errors.c_str());
    return child;
}

WorkerEnd wait_for_worker() {
    int status = 0;
    pid_t pid = 0;
    do {
        pid = ::waitpid(-1, &status, 0);
    } while (pid < 0 && errno == EINTR);
    if (pid < 0) throw RunError(fmt::format("waiting for a process: {}", std::strerror(errno)));
    return {pid, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status)};
}

}  // namespace axesim::sim
