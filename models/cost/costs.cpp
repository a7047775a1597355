// SPDX-License-Identifier: Apache-2.0
#include "models/cost/costs.h"

#include <algorithm>

#include "models/cost/events.h"

namespace axesim::models {

namespace {

constexpr std::array kEnergyParts{&PartEnergies::dram,
                                  &PartEnergies::interconnect,
                                  &PartEnergies::memory_interface,
                                  &PartEnergies::sram,
                                  &PartEnergies::multiplier,
                                  &PartEnergies::inner_accumulator,
                                  &PartEnergies::outer_accumulator,
                                  &PartEnergies::vector_unit,
                                  &PartEnergies::leakage};

/// Sets a coefficient to one of its bounds. The scaling unit's published energies carry the same
/// doubt as the synthesized logic, so they move with kappa.
void set_kappa(Technology& technology, double kappa) {
    const double ratio = kappa / technology.kappa.value;
    technology.kappa.value = kappa;
    for (Coefficient* energy :
         {&technology.fp32_multiply_pj, &technology.fp32_add_pj, &technology.int32_multiply_pj}) {
        energy->value *= ratio;
    }
}

Work at_full_width(const Counts& counts, double seconds, const HardwareConfig& hardware,
                   int outer_bits) {
    return {.counts = counts,
            .seconds = seconds,
            .format = hardware.layer_format(),
            .outer_bits = outer_bits};
}

/// The hardware as this work sees it: of its own widths.
Design design_in_use(const HardwareConfig& hardware, const Work& work) {
    Design design{hardware, work.outer_bits};
    static_cast<LayerFormat&>(design.hardware) = work.format;
    return design;
}

void widen(CostRange& range, double value) {
    range.min = std::min(range.min, value);
    range.max = std::max(range.max, value);
}

}  // namespace

double PartEnergies::total() const {
    double sum = 0;
    for (const auto part : kEnergyParts) sum += this->*part;
    return sum;
}

PartEnergies& PartEnergies::operator+=(const PartEnergies& other) {
    for (const auto part : kEnergyParts) this->*part += other.*part;
    return *this;
}

double PartAreas::total() const {
    return interconnect + memory_interface + sram + multiplier + inner_accumulator +
           outer_accumulator + vector_unit;
}

PartEnergies energy(const Counts& counts, double seconds, const HardwareConfig& hardware,
                    int outer_bits, const Technology& technology) {
    const Work work = at_full_width(counts, seconds, hardware, outer_bits);
    return energy(std::span(&work, 1), hardware, outer_bits, technology);
}

PartEnergies energy(std::span<const Work> work, const HardwareConfig& hardware, int outer_bits,
                    const Technology& technology) {
    PartEnergies parts;
    for (const Work& part_of_work : work) {
        const Design used = design_in_use(hardware, part_of_work);
        for (const CostEvent& event : cost_events({hardware, outer_bits}, used, technology)) {
            parts.*event.part += event.unit.value * event.count(part_of_work.counts, used.hardware,
                                                                part_of_work.seconds);
        }
    }
    return parts;
}

double activity_factor(std::span<const Work> work, const HardwareConfig& hardware, int outer_bits,
                       const Technology& technology) {
    std::vector<Work> nominal(work.begin(), work.end());
    for (Work& part : nominal) part.counts.compute.activity = {};
    const auto joules = [&](std::span<const Work> what) {
        const PartEnergies parts = energy(what, hardware, outer_bits, technology);
        return parts.multiplier + parts.inner_accumulator;
    };
    return joules(work) / joules(nominal);
}

std::vector<UnitCost> unit_costs(const HardwareConfig& hardware, int outer_bits,
                                 const Technology& technology) {
    std::vector<UnitCost> costs;
    const Design design{hardware, outer_bits};
    for (CostEvent& event : cost_events(design, design, technology)) {
        costs.push_back(std::move(event.unit));
    }
    return costs;
}

std::vector<Technology> technology_corners(const Technology& technology) {
    std::vector<Technology> corners;
    const Technology& t = technology;
    for (const double kappa : {t.kappa.min, t.kappa.max}) {
        for (const double phi : {t.sram_phi.min, t.sram_phi.max}) {
            for (const double bit : {t.sram_area_um2_per_bit.min, t.sram_area_um2_per_bit.max}) {
                Technology corner = technology;
                set_kappa(corner, kappa);
                corner.sram_phi.value = phi;
                corner.sram_area_um2_per_bit.value = bit;
                corners.push_back(std::move(corner));
            }
        }
    }
    return corners;
}

CostRange energy_range(const Counts& counts, double seconds, const HardwareConfig& hardware,
                       int outer_bits, const Technology& technology) {
    const Work work = at_full_width(counts, seconds, hardware, outer_bits);
    return energy_range(std::span(&work, 1), hardware, outer_bits, technology);
}

CostRange energy_range(std::span<const Work> work, const HardwareConfig& hardware, int outer_bits,
                       const Technology& technology) {
    const double nominal = energy(work, hardware, outer_bits, technology).total();
    CostRange range{nominal, nominal, nominal};
    const double doubt = hardware.dram.energy_uncertainty;
    for (const Technology& corner : technology_corners(technology)) {
        const PartEnergies parts = energy(work, hardware, outer_bits, corner);
        widen(range, parts.total() - doubt * parts.dram);
        widen(range, parts.total() + doubt * parts.dram);
    }
    return range;
}

CostRange area_range(const HardwareConfig& hardware, int outer_bits, const Technology& technology) {
    const double nominal = area(hardware, outer_bits, technology).total();
    CostRange range{nominal, nominal, nominal};
    for (const Technology& corner : technology_corners(technology)) {
        widen(range, area(hardware, outer_bits, corner).total());
    }
    return range;
}

}  // namespace axesim::models
