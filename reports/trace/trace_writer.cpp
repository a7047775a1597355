// SPDX-License-Identifier: Apache-2.0
#include "reports/trace/trace_writer.h"

namespace axesim::reports {

const char* trace_name(models::Stream stream) {
    switch (stream) {
        case models::Stream::weights:
            return "weights";
        case models::Stream::activations:
            return "activations";
        case models::Stream::outputs:
            return "outputs";
        case models::Stream::kv_cache:
            break;
    }
    return "kv_cache";
}

const char* trace_name(models::ArrayState state) {
    switch (state) {
        case models::ArrayState::busy:
            return "busy";
        case models::ArrayState::fill_drain:
            return "fill_drain";
        case models::ArrayState::stall_dram:
            return "stall_dram";
        case models::ArrayState::stall_buffer:
            return "stall_buffer";
        case models::ArrayState::stall_vector:
            break;
    }
    return "stall_vector";
}

}  // namespace axesim::reports
