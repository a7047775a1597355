// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <malloc.h>

namespace axesim {

/// Gives memory that is free but kept for reuse (main.cpp) back to the system, wherever it lies.
inline void give_back_free_memory() { ::malloc_trim(0); }

}  // namespace axesim
