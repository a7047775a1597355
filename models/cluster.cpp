// SPDX-License-Identifier: Apache-2.0
#include "models/cluster.h"

#include <utility>

#include "models/tlm_command.h"
#include "models/trace.h"

namespace axesim::models {

namespace {

/// Products are computed on this stack.
constexpr std::size_t kStackBytes = std::size_t{4} << 20;

}  // namespace

Cluster::Cluster(const sc_core::sc_module_name& name, const HardwareConfig& config,
                 const ClusterBuffers& buffers, const SimulationClock& clock, bool has_process)
    : sc_module(name),
      clock_(clock),
      weights_buffer_("weights_buffer", buffers.weights),
      activations_buffer_("activations_buffer", buffers.activations),
      outputs_buffer_("outputs_buffer", buffers.outputs),
      array_("fma_array", config, clock, weights_buffer_, activations_buffer_, outputs_buffer_),
      vector_unit_("vector_unit", config),
      memory_interface_("memory_interface", config.memory_interface, clock),
      accelerator_("accelerator", config, clock, weights_buffer_, activations_buffer_,
                   outputs_buffer_) {
    gemm_socket_.bind(accelerator_.gemm_socket);
    vector_socket_.bind(accelerator_.vector_socket);
    accelerator_.memory_socket.bind(memory_interface_.command_socket);
    accelerator_.array_socket.bind(array_.command_socket);
    accelerator_.scale_socket.bind(vector_unit_.scale_socket);
    accelerator_.vector_quantize_socket.bind(vector_unit_.quantize_socket);
    accelerator_.vector_work_socket.bind(vector_unit_.work_socket);
    if (has_process) {
        SC_THREAD(work);
        set_stack_size(kStackBytes);
    }
}

void Cluster::run(GemmCommand& command) { send_command(gemm_socket_, command); }
void Cluster::run(VectorCommand& command) { send_command(vector_socket_, command); }

void Cluster::start(std::function<void()> job) {
    job_ = std::move(job);
    start_.notify(sc_core::SC_ZERO_TIME);
}

std::exception_ptr Cluster::finish() {
    while (job_) wait(done_);
    return std::exchange(error_, nullptr);
}

void Cluster::work() {
    while (true) {
        wait(start_);
        try {
            job_();
        } catch (...) {
            error_ = std::current_exception();
        }
        job_ = nullptr;
        done_.notify(sc_core::SC_ZERO_TIME);
    }
}

Counts Cluster::counts() const {
    Counts counts;
    counts.compute = array_.counts();
    counts.compute.scaled_outputs = vector_unit_.scaled_outputs();
    counts.compute.bias_adds = vector_unit_.bias_adds();
    counts.compute.quantized_values = vector_unit_.quantized_values();
    counts.compute.rotation_adds = vector_unit_.rotation_adds();
    counts.compute.vector_adds = vector_unit_.other_work().adds;
    counts.compute.vector_multiplies = vector_unit_.other_work().multiplies;
    counts.compute.vector_steps = vector_unit_.steps();
    counts.weights_buffer = weights_buffer_.counts();
    counts.activations_buffer = activations_buffer_.counts();
    counts.outputs_buffer = outputs_buffer_.counts();
    for (const Stream stream : kStreams) {
        const auto s = static_cast<std::size_t>(stream);
        counts.traffic[s] = memory_interface_.traffic(stream);
        counts.dram_bits[s] = memory_interface_.dram_bits(stream);
    }
    return counts;
}

void Cluster::trace_to(TraceSink* sink, int number) {
    array_.trace_to(sink, number);
    accelerator_.trace_to(sink, number);
    memory_interface_.trace_to(sink, number);
    const auto observe = [&](auto& buffer, Stream stream) {
        if (sink == nullptr) return buffer.observe(nullptr);
        buffer.observe([this, sink, number, stream](std::size_t slots_in_use) {
            sink->buffer(number, stream, slots_in_use, clock_.picoseconds(clock_.now()));
        });
    };
    observe(weights_buffer_, Stream::weights);
    observe(activations_buffer_, Stream::activations);
    observe(outputs_buffer_, Stream::outputs);
}

}  // namespace axesim::models
