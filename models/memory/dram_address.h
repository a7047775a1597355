// SPDX-License-Identifier: Apache-2.0
// Where an atom of the linear address space lies in a DRAM.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "models/memory/dram_config.h"

namespace axesim::models {

/// One atom of one channel. A column is one atom wide.
struct DramPlace {
    int bank_group = 0;
    int bank = 0;  ///< within its group
    int column = 0;
    std::int64_t row = 0;

    bool operator==(const DramPlace&) const = default;
};

/// An address mapping in DRAMsim3's notation: the parts of an address from the highest digit to the
/// lowest, two letters each: ro(w), ra(nk), ch(annel), ba(nk within its group), bg (bank group),
/// co(lumn). "rorabacobgch" spreads consecutive atoms over channels, then over bank groups; with
/// "rochrababgco" they fill a row of one bank first. Digits need not be powers of two. There is one
/// rank, so `ra` takes no room; rows come highest, being as many as the workload needs.
class DramAddressMap {
public:
    explicit DramAddressMap(const DramConfig& config);

    /// What is wrong with a mapping, with what is allowed; "" when nothing is.
    static std::string why_wrong(const std::string& mapping);

    /// How many of the first `atoms` atoms of all channels lie in `channel`. Those of one channel
    /// are numbered in this order, so that a run of atoms is one run in each channel.
    std::int64_t atoms_of_channel(std::int64_t atoms, int channel) const;

    /// The place of an atom of one channel, by its number there.
    DramPlace place(std::int64_t atom) const;
    /// Moves on by one atom.
    void advance(DramPlace& place) const;

    /// Atoms that go to as many different banks before the first of these comes again, one column
    /// further: the product of the digits below the column's.
    std::int64_t banks_in_turn() const { return banks_in_turn_; }
    /// After this many atoms, counted from 0, the banks in turn have used up their rows.
    std::int64_t atoms_of_open_rows() const { return banks_in_turn_ * columns_; }

private:
    struct Digit {
        int DramPlace::*part;
        int size;
        int shift;  ///< log2 of a size that is a power of two, or -1
    };
    std::array<Digit, 3> digits_{};   ///< bank group, bank and column, the lowest first
    std::int64_t below_channel_ = 1;  ///< atoms that follow each other in one channel
    int channels_;
    int columns_;
    std::int64_t banks_in_turn_ = 1;
};

}  // namespace axesim::models
