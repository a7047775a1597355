// SPDX-License-Identifier: Apache-2.0
#include "sim/config/wrap_text.h"

#include <sstream>

namespace axesim::sim {

std::string wrapped(const std::string& text, const std::string& indent, std::size_t length) {
    std::istringstream words(text);
    std::string result, line, word;
    while (words >> word) {
        if (!line.empty() && indent.size() + line.size() + 1 + word.size() > length) {
            result += indent + line + "\n";
            line.clear();
        }
        line += (line.empty() ? "" : " ") + word;
    }
    return result + indent + line + "\n";
}

}  // namespace axesim::sim
