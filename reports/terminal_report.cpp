// SPDX-License-Identifier: Apache-2.0
#include "reports/terminal_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "reports/figures.h"
#include "reports/format.h"

namespace axesim::reports {

namespace {

using Items = std::vector<std::string>;

constexpr std::size_t kLayersShown = 5;
constexpr std::size_t kNoisiestShown = 3;

const char* shown_name(const std::string& part) {
    static constexpr std::pair<const char*, const char*> kNames[] = {
        {"memory_interface", "interface"},
        {"inner_accumulator", "inner acc."},
        {"outer_accumulator", "outer acc."},
        {"vector_unit", "vector unit"},
        {"sram", "buffers"},
        {"dram", "DRAM"},
        {"buffer", "buffers"},
        {"fill_drain", "fill and drain"},
        {"clusters", "idle clusters"}};
    for (const auto& [name, shown] : kNames) {
        if (part == name) return shown;
    }
    return part.c_str();
}

/// "DRAM 71 %", largest first, parts of 0 left out.
Items shares(const NamedParts& parts) {
    const std::vector<int> percentages = whole_percentages(parts);
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (parts[i].second > 0) order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return parts[a].second > parts[b].second;
    });
    Items items;
    for (const std::size_t i : order) {
        items.push_back(fmt::format("{} {}", shown_name(parts[i].first),
                                    percent_of_whole(percentages[i], parts[i].second)));
    }
    return items;
}

/// "8", the design's bits, or "6..8" where layers have fewer.
std::string bits_of_layers(const Result& result, int built, int LayerResult::*bits) {
    int least = built;
    for (const LayerResult& layer : result.layers) {
        if (layer.is_product()) least = std::min(least, layer.*bits);
    }
    return least == built ? fmt::format("{}", built) : fmt::format("{}..{}", least, built);
}

/// "2 x LPDDR5-6400 rorabacobgch": what every figure of the DRAM depends on.
std::string dram_text(const models::DramConfig& dram) {
    const models::DramPolicy& policy = dram.policy;
    return fmt::format("{}{} {}{}{}", dram.channels > 1 ? fmt::format("{} x ", dram.channels) : "",
                       dram.name, policy.address_mapping,
                       policy.page == models::DramPagePolicy::closed ? " closed page" : "",
                       policy.scheduling == models::DramScheduling::fr_fcfs ? " FR-FCFS" : "");
}

void headline(const Result& result, Screen& screen) {
    const models::HardwareConfig& h = result.hardware;
    const auto& acc = h.accumulator;
    const bool monolithic = acc.tile_size == 0;
    const std::string inner_bits = bits_of_layers(result, acc.inner_bits, &LayerResult::inner_bits);
    const std::string lanes = acc.lanes > 1 ? fmt::format(" x {} lanes", acc.lanes) : "";
    const double clock_hz = h.clock_mhz * 1e6;
    screen.headline(
        {result.name, result.model_name,
         fmt::format("W{} A{}", bits_of_layers(result, h.weight_bits, &LayerResult::weight_bits),
                     bits_of_layers(result, h.activations.bits, &LayerResult::activation_bits)),
         monolithic ? fmt::format("accumulator {} bits", inner_bits)
                    : fmt::format("inner {} bits per {}", inner_bits, acc.tile_size),
         monolithic ? "" : fmt::format("outer {}", result.outer_bits),
         acc.groups == WeightGroups::none ? "" : fmt::format("groups of {}", acc.tile_size),
         result.quantizer,
         fmt::format("{}{}x{} FMA{} @ {}",
                     h.clusters > 1 ? fmt::format("{} clusters of ", h.clusters) : "", h.array.rows,
                     h.array.columns, lanes, with_prefix(clock_hz, "Hz")),
         dram_text(h.dram), result.profile});
}

void accuracy(const Result& result, Screen& screen) {
    if (!result.accuracy) {
        screen.row("accuracy", {"not measured: " + result.accuracy_not_measured});
        return;
    }
    const Accuracy& a = *result.accuracy;
    const std::optional<double> kept = retained(a);
    screen.row("accuracy", {fmt::format("perplexity {:.2f} float -> {:.2f}{}", a.perplexity_float,
                                        a.perplexity_quantized,
                                        kept ? fmt::format(" ({:.1f} % kept)", 100 * *kept) : ""),
                            fmt::format("KL {:.3f}", a.kl_divergence),
                            fmt::format("top-1 {:.1f} %", 100 * a.top1_agreement),
                            fmt::format("{} tokens, values from the simulated hardware",
                                        grouped(static_cast<std::uint64_t>(a.tokens)))});
}

std::string stage_bits(const char* name, const StageHeadroom& stage) {
    std::string text =
        fmt::format("{}: {} bits, proven {:.2f}", name, stage.bits, used_bits(stage.proven));
    if (seen_anything(stage)) text += fmt::format(", seen {:.2f}", used_bits(stage.seen));
    return text;
}

void overflow(const Result& result, Screen& screen) {
    if (!result.overflow) {
        screen.row("overflow", {"not simulated: " + result.accuracy_not_measured});
        return;
    }
    const Overflow& o = *result.overflow;
    const std::uint64_t events = o.inner_events + o.outer_events;
    const std::string counted = events == 0
                                    ? "0 events"
                                    : fmt::format("{} inner and {} outer events",
                                                  grouped(o.inner_events), grouped(o.outer_events));
    screen.row("overflow",
               {fmt::format("{}, {}", o.certified ? "certified" : "not certified", counted),
                stage_bits("inner", o.inner),
                result.hardware.accumulator.tile_size == 0 ? "" : stage_bits("outer", o.outer)},
               events > 0    ? Screen::Tone::bad
               : o.certified ? Screen::Tone::good
                             : Screen::Tone::plain);
    if (!o.first_place) return;
    const models::OverflowPlace& place = *o.first_place;
    screen.row("",
               {fmt::format("first: {}, token {}, channel {}, k {}, {} accumulator", o.first_layer,
                            place.token, place.channel, place.k,
                            place.stage == models::AccumulatorStage::inner ? "inner" : "outer")});
}

/// "array busy 81 %" and what it waited for.
Items busy_and_stalls(const Phase& phase) {
    const NamedParts parts = cycle_parts(phase.counts.cycles);
    const std::vector<int> percentages = whole_percentages(parts);
    std::string stalls;
    for (std::size_t i = 1; i < parts.size(); ++i) {
        if (parts[i].second == 0) continue;
        stalls +=
            fmt::format("{}{} {}", stalls.empty() ? "stalled: " : ", ", shown_name(parts[i].first),
                        percent_of_whole(percentages[i], parts[i].second));
    }
    return {"array busy " + percent_of_whole(percentages[0], parts[0].second), stalls};
}

std::string bound_by(const Phase& phase) {
    const NamedParts parts = cycle_parts(phase.counts.cycles);
    const auto most =
        std::max_element(parts.begin(), parts.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    return most->first == "busy" ? "the array" : shown_name(most->first);
}

void add_memory(const Phase& phase, Items& items) {
    if (const auto efficiency = bus_efficiency(phase)) {
        items.push_back(fmt::format("useful bits on the bus {:.1f} %", 100 * *efficiency));
    }
    if (const auto hits = row_hit_rate(phase)) {
        items.push_back(fmt::format("row hits {:.0f} %", 100 * *hits));
    }
}

void timing(const Result& result, Screen& screen) {
    const Phase& p = result.prefill;
    Items items{fmt::format(
        "{}{} tokens: {} cycles = {}", p.batch > 1 ? fmt::format("{} x ", p.batch) : "",
        grouped(static_cast<std::uint64_t>(p.tokens)),
        short_count(static_cast<double>(p.counts.cycles.cycles)), with_prefix(p.seconds, "s"))};
    for (std::string& item : busy_and_stalls(p)) items.push_back(std::move(item));
    add_memory(p, items);
    screen.row("prefill", items);
    if (!result.decode) return;
    const Phase& d = *result.decode;
    const double cycles = static_cast<double>(d.counts.cycles.cycles) / total_tokens(d);
    items = {fmt::format("{} cycles a token = {} tokens/s, bound by {}", short_count(cycles),
                         short_count(tokens_per_second(d).value_or(0)), bound_by(d))};
    for (std::string& item : busy_and_stalls(d)) items.push_back(std::move(item));
    add_memory(d, items);
    screen.row("decode", items);
}

/// "prefill at 87 % of the DRAM roof, 95.3 MACs a DRAM byte".
std::string roofline_of(const Phase& phase, const models::HardwareConfig& hardware) {
    const models::Roofline roofs = models::roofline(phase.counts, hardware);
    const auto share = share_of_roof(roofs, phase.counts.cycles.cycles);
    const auto intensity =
        macs_per_dram_byte(phase.counts.compute.macs, dram_bits(phase.counts.dram));
    if (!share || !intensity) return "";
    return fmt::format("{} at {:.0f} % of the {} roof, {:.3g} MACs a DRAM byte", phase.name,
                       100 * *share, shown_name(roof_name(roofs.bound_by())), *intensity);
}

void roofline(const Result& result, Screen& screen) {
    Items items{roofline_of(result.prefill, result.hardware)};
    if (result.decode) items.push_back(roofline_of(*result.decode, result.hardware));
    std::erase(items, "");
    if (!items.empty()) screen.row("roofline", items);
}

std::string joules_range(const Phase& phase, double divide_by) {
    if (!phase.energy_range) return "";
    return fmt::format(" ({} .. {})", with_prefix(phase.energy_range->min / divide_by, "J"),
                       with_prefix(phase.energy_range->max / divide_by, "J"));
}

/// "activity of the operands: prefill 0.93 of nominal".
void activity(const Result& result, Screen& screen) {
    const auto item = [](const Phase& phase) {
        return fmt::format("{} {:.3f} of nominal", phase.name, *phase.activity_factor);
    };
    if (!result.prefill.activity_factor) return;
    Items items{"products with this run's operands: " + item(result.prefill)};
    if (result.decode) items.push_back(item(*result.decode));
    screen.row("", items);
}

void energy(const Result& result, Screen& screen) {
    const auto parts_row = [&](const char* phase, const Phase& p) {
        Items items = shares(energy_parts(p.energy));
        if (!items.empty()) items.front() = fmt::format("{}: {}", phase, items.front());
        screen.row("", items);
    };
    Items items{fmt::format("prefill {}{}", with_prefix(result.prefill.energy.total(), "J"),
                            joules_range(result.prefill, 1))};
    if (result.decode) {
        const double tokens = total_tokens(*result.decode);
        items.push_back(fmt::format("decode {} a token{}",
                                    with_prefix(result.decode->energy.total() / tokens, "J"),
                                    joules_range(*result.decode, tokens)));
    }
    if (result.prefill.energy_range) items.push_back("(range: uncertain costs)");
    screen.row("energy", items);
    parts_row("prefill", result.prefill);
    if (result.decode) parts_row("decode", *result.decode);
    activity(result, screen);
}

void area(const Result& result, Screen& screen) {
    std::string total = fmt::format("{:#.3g} mm2", result.area.total());
    if (result.area_range) {
        total +=
            fmt::format(" ({:#.3g} .. {:#.3g})", result.area_range->min, result.area_range->max);
    }
    Items items = shares(area_parts(result.area));
    items.insert(items.begin(), total);
    screen.row("area", items);
}

/// Joules of all layers that this one stands for.
double energy_of_all(const LayerResult& layer) {
    return layer.energy_j * static_cast<double>(layer.count);
}

/// In the order in which kinds first occur.
NamedParts energy_by_kind(const std::vector<LayerResult>& layers) {
    NamedParts kinds;
    for (const LayerResult& layer : layers) {
        const auto found = std::find_if(kinds.begin(), kinds.end(),
                                        [&](const auto& kind) { return kind.first == layer.kind; });
        if (found == kinds.end()) {
            kinds.emplace_back(layer.kind, energy_of_all(layer));
        } else {
            found->second += energy_of_all(layer);
        }
    }
    return kinds;
}

void layers(const Result& result, Screen& screen) {
    std::vector<const LayerResult*> by_energy;
    double total = 0;
    for (const LayerResult& layer : result.layers) {
        by_energy.push_back(&layer);
        total += energy_of_all(layer);
    }
    if (by_energy.empty() || total <= 0) return;
    std::stable_sort(by_energy.begin(), by_energy.end(), [](const auto* a, const auto* b) {
        return energy_of_all(*a) > energy_of_all(*b);
    });
    by_energy.resize(std::min(by_energy.size(), kLayersShown));
    bool first = true;
    for (const LayerResult* layer : by_energy) {
        screen.row(first ? "layers" : "",
                   {fmt::format("{:<9} {:>4.1f} %", with_prefix(energy_of_all(*layer), "J"),
                                100 * energy_of_all(*layer) / total),
                    fmt::format("{:.0f}x{:.0f}x{:.0f}", static_cast<double>(layer->m),
                                static_cast<double>(layer->n), static_cast<double>(layer->k)),
                    layer->count > 1 ? fmt::format("{}, for {} blocks", layer->name, layer->count)
                                     : layer->name});
        first = false;
    }
    Items kinds = shares(energy_by_kind(result.layers));
    kinds.front() = "by kind: " + kinds.front();
    screen.row("", kinds);
}

/// Which layers suffer most from their few bits.
void noisiest(const Result& result, Screen& screen) {
    std::vector<const LayerResult*> layers;
    for (const LayerResult& layer : result.layers) {
        if (layer.sqnr_db) layers.push_back(&layer);
    }
    if (layers.empty()) return;
    std::stable_sort(layers.begin(), layers.end(),
                     [](const auto* a, const auto* b) { return *a->sqnr_db < *b->sqnr_db; });
    layers.resize(std::min(layers.size(), kNoisiestShown));
    Items items;
    for (const LayerResult* layer : layers) {
        items.push_back(fmt::format("{:.1f} dB {}", *layer->sqnr_db, layer->name));
    }
    items.front() = "signal to error: " + items.front();
    screen.row("noisiest", items);
}

void footer(const Result& result, Screen& screen) {
    screen.paragraph("costs", fmt::format("{} / {}: {}", result.technology, result.profile,
                                          result.profile_source));
    if (!result.not_counted.empty()) {
        screen.paragraph("not counted", fmt::format("{}", fmt::join(result.not_counted, ", ")));
    }
}

}  // namespace

std::string terminal_report(const Result& result, int width, bool color,
                            const std::vector<std::string>& against) {
    Screen screen(width, color);
    headline(result, screen);
    accuracy(result, screen);
    overflow(result, screen);
    timing(result, screen);
    roofline(result, screen);
    energy(result, screen);
    area(result, screen);
    if (!against.empty()) screen.row("against", against);
    layers(result, screen);
    noisiest(result, screen);
    footer(result, screen);
    return screen.text();
}

}  // namespace axesim::reports
