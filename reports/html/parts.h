// SPDX-License-Identifier: Apache-2.0
// The files of this folder, result.schema.json and D3, as text within the program. CMake makes the
// definitions from parts.cpp.in.
#pragma once

#include <string_view>

namespace axesim::reports::html {

extern const std::string_view kTemplate, kStyle, kLibrary, kScript, kSchema;

}  // namespace axesim::reports::html
