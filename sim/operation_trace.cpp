// SPDX-License-Identifier: Apache-2.0
#include "sim/operation_trace.h"

#include <fmt/format.h>

#include "common/error.h"
#include "sim/config/config.h"

namespace axesim::sim {

void OperationTrace::check(const workloads::LlamaShape& shape) const {
    for (int block = 0; block < static_cast<int>(shape.blocks); ++block) {
        for (int operation = 0; operation <= static_cast<int>(Operation::lm_head); ++operation) {
            const OperationId id(block, static_cast<Operation>(operation));
            if (matches_pattern(operation_name(id), options_.layers)) return;
        }
    }
    throw UserError(
        fmt::format("option --trace-layers: \"{}\" matches no operation of the model "
                    "(these are named as in {} and {}; see layers.csv)",
                    options_.layers, operation_name({0, Operation::q_proj}),
                    operation_name({0, Operation::final_norm})));
}

void OperationTrace::begin(const OperationId& id, Platform& platform) {
    const std::string name = operation_name(id);
    if (!matches_pattern(name, options_.layers)) return;
    if (writer_.events() >= options_.events) {
        if (left_out_++ == 0) first_left_out_ = fmt::format("{} of the {}", name, part_);
        return;
    }
    running_ = true;
    ++shown_;
    platform.trace_to(&writer_);
    writer_.begin_operation(part_, name, platform.now_ps());
}

void OperationTrace::end(Platform& platform) {
    if (!running_) return;
    running_ = false;
    platform.trace_to(nullptr);
    writer_.end_operation(platform.now_ps());
}

std::string OperationTrace::describe() const {
    const std::string shown = fmt::format("{} operations of {}", shown_, options_.layers);
    if (left_out_ == 0) return shown;
    return fmt::format(
        "{}; {} more, from {} on, are left out: there are {} events already (--trace-events)",
        shown, left_out_, first_left_out_, writer_.events());
}

}  // namespace axesim::sim
