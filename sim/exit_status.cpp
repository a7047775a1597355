// SPDX-License-Identifier: Apache-2.0
#include "sim/exit_status.h"

#include <algorithm>
#include <new>
#include <regex>
#include <string>
#include <system_error>

#include "common/error.h"

namespace axesim::sim {

namespace {

constexpr int kFailed = 1;
constexpr int kUserMustMend = 2;

bool begins_with_place(const std::string& message) {
    static const std::regex place("[^\n]*?:[0-9]+(:[0-9]+)?: ");
    return message.starts_with("--set ") ||
           std::regex_search(message, place, std::regex_constants::match_continuous);
}

/// Bytes of a broken file that ended up in a message must not steer a terminal.
std::string without_controls(std::string message) {
    std::ranges::replace_if(
        message, [](unsigned char c) { return (c < 0x20 && c != '\n') || c == 0x7f; }, '?');
    return message;
}

void report(const std::string& raw, std::ostream& errors) {
    const std::string message = without_controls(raw);
    errors << (begins_with_place(message) ? "" : "axesim: ") << message << std::endl;
}

}  // namespace

int run_and_report(const std::function<int()>& body, std::ostream& errors) {
    try {
        return body();
    } catch (const UserError& error) {
        report(error.what(), errors);
        return kUserMustMend;
    } catch (const RunError& error) {
        report(error.what(), errors);
    } catch (const std::bad_alloc&) {
        report("not enough memory for this run; use fewer tokens or a smaller model", errors);
    } catch (const std::system_error& error) {
        report(error.what(), errors);  // the printing library's word for a full disk or closed pipe
    } catch (const std::exception& error) {
        report(std::string("internal error: ") + error.what(), errors);
    }
    return kFailed;
}

}  // namespace axesim::sim
