// SPDX-License-Identifier: Apache-2.0
// Commands between modules as TLM-2.0 transactions: a write of one plain struct to the target's
// command register. b_transport returns when the command is done.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <tlm>

#include "common/error.h"

namespace axesim::models {

/// Sends `command` through an initiator socket and waits until it is done, in a payload that may
/// serve one command after the other. The target may write results into it. Throws RunError when
/// the target does not take it.
template <class Command, class Socket>
void send_command(Socket& socket, Command& command, tlm::tlm_generic_payload& payload) {
    payload.set_command(tlm::TLM_WRITE_COMMAND);
    payload.set_address(0);
    payload.set_data_ptr(reinterpret_cast<unsigned char*>(&command));
    payload.set_data_length(sizeof(Command));
    payload.set_streaming_width(sizeof(Command));
    payload.set_byte_enable_ptr(nullptr);
    payload.set_dmi_allowed(false);
    payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    socket->b_transport(payload, delay);
    if (payload.is_response_error()) {
        throw RunError(std::string(socket.name()) + ": " + payload.get_response_string());
    }
    if (delay != sc_core::SC_ZERO_TIME) sc_core::wait(delay);
}

template <class Command, class Socket>
void send_command(Socket& socket, Command& command) {
    tlm::tlm_generic_payload payload;
    send_command(socket, command, payload);
}

/// The struct that a command transaction carries, or nullptr (with the response status set) when
/// the transaction is not such a command.
template <class Command>
Command* received_command(tlm::tlm_generic_payload& payload) {
    if (payload.get_command() != tlm::TLM_WRITE_COMMAND) {
        payload.set_response_status(tlm::TLM_COMMAND_ERROR_RESPONSE);
        return nullptr;
    }
    if (payload.get_data_length() != sizeof(Command) || payload.get_byte_enable_ptr() != nullptr) {
        payload.set_response_status(tlm::TLM_BURST_ERROR_RESPONSE);
        return nullptr;
    }
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    return reinterpret_cast<Command*>(payload.get_data_ptr());
}

}  // namespace axesim::models
