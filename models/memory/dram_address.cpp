// SPDX-License-Identifier: Apache-2.0
#include "models/memory/dram_address.h"

#include <algorithm>
#include <bit>

#include "common/error.h"

namespace axesim::models {

namespace {

constexpr std::size_t kLetters = 2;
constexpr std::array<const char*, 6> kParts{"ro", "ra", "ch", "ba", "bg", "co"};

}  // namespace

std::string DramAddressMap::why_wrong(const std::string& mapping) {
    const std::string allowed =
        " (allowed: ro, ra, ch, ba, bg, co once each, from the highest digit to the lowest, ro "
        "before all but ra; as in rorabacobgch or rochrababgco)";
    if (mapping.size() != kParts.size() * kLetters) return "must have 12 letters" + allowed;
    for (const char* part : kParts) {
        std::size_t at = 0;
        while (at < mapping.size() && mapping.compare(at, kLetters, part) != 0) at += kLetters;
        if (at == mapping.size()) return std::string("has no part ") + part + allowed;
    }
    if (!mapping.starts_with("ro") && !mapping.starts_with("raro")) {
        return "must begin with the rows, which are as many as the workload needs" + allowed;
    }
    return "";
}

DramAddressMap::DramAddressMap(const DramConfig& config)
    : channels_(config.channels), columns_(config.atoms_per_row()) {
    const std::string& mapping = config.policy.address_mapping;
    if (const std::string why = why_wrong(mapping); !why.empty()) {
        throw RunError("DRAM address mapping " + mapping + ": " + why);
    }
    std::size_t digits = 0;
    bool above_channel = false, above_column = false;
    for (std::size_t at = mapping.size(); at >= kLetters; at -= kLetters) {
        const std::string part = mapping.substr(at - kLetters, kLetters);
        Digit digit{};
        if (part == "ch") above_channel = true;
        if (part == "bg") digit = {&DramPlace::bank_group, config.bank_groups, -1};
        if (part == "ba") digit = {&DramPlace::bank, config.banks_per_group, -1};
        if (part == "co") digit = {&DramPlace::column, columns_, -1};
        if (digit.part == nullptr)
            continue;  // rows are what is left; channels are taken out before
        const auto size = static_cast<unsigned>(digit.size);
        if (std::has_single_bit(size)) digit.shift = std::countr_zero(size);
        digits_[digits++] = digit;
        above_column = above_column || digit.part == &DramPlace::column;
        if (!above_channel) below_channel_ *= digit.size;
        if (!above_column) banks_in_turn_ *= digit.size;
    }
}

std::int64_t DramAddressMap::atoms_of_channel(std::int64_t atoms, int channel) const {
    if (channels_ == 1) return atoms;
    const std::int64_t all_channels = below_channel_ * channels_;
    const std::int64_t rest = atoms % all_channels - channel * below_channel_;
    return atoms / all_channels * below_channel_ +
           std::clamp<std::int64_t>(rest, 0, below_channel_);
}

DramPlace DramAddressMap::place(std::int64_t atom) const {
    DramPlace place;
    for (const Digit& digit : digits_) {
        const std::int64_t above = digit.shift >= 0 ? atom >> digit.shift : atom / digit.size;
        place.*digit.part = static_cast<int>(atom - above * digit.size);
        atom = above;
    }
    place.row = atom;
    return place;
}

void DramAddressMap::advance(DramPlace& place) const {
    for (const Digit& digit : digits_) {
        if (++(place.*digit.part) < digit.size) return;
        place.*digit.part = 0;
    }
    ++place.row;
}

}  // namespace axesim::models
