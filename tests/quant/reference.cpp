// SPDX-License-Identifier: Apache-2.0
#include "reference.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace axesim::quant::reference {

namespace {

struct Quantized {
    int code;
    double value;  ///< step * code
    double kept;   ///< step * argument after threshold and clips
};

/// One channel; remembers its codes.
class Channel {
public:
    Channel(const LinearFormat& format, const QuantizerConfig& config,
            const std::vector<double>& weights, double step)
        : format_(format), config_(config), step_(step), codes_(weights.size(), 0) {
        const auto depth = static_cast<std::int64_t>(weights.size());
        tile_ = format.accumulator.tile_length(depth);
        const double limit = std::exp2(format.accumulator.inner_bits - 1) - 1;
        const auto width = static_cast<double>(format.activations.max - format.activations.min);
        for (std::int64_t first = 0; first < depth; first += tile_) {
            std::vector<double> values;
            for (std::int64_t k = first; k < std::min(first + tile_, depth); ++k)
                values.push_back(weights[static_cast<std::size_t>(k)] / step);
            if (config.pad_short_tile_with_zeros)
                values.resize(static_cast<std::size_t>(tile_), 0.0);
            const double mean = std::accumulate(values.begin(), values.end(), 0.0) /
                                static_cast<double>(values.size());
            for (double& value : values) value = std::abs(value - mean);
            lambda_.push_back(sorted_threshold(values, 2 * limit / width));
        }
    }

    Quantized quantize(std::size_t k, double v) {
        const bool axe = config_.accumulator_aware == AccumulatorAware::axe;
        double z = v / step_;
        if (axe && config_.soft_threshold) {
            const double lambda = lambda_[k / static_cast<std::size_t>(tile_)];
            z = z > lambda ? z - lambda : z < -lambda ? z + lambda : 0.0;
        }
        int low = static_cast<int>(format_.weights.min);
        int high = static_cast<int>(format_.weights.max);
        if (axe) {
            high = 0;
            while (high < format_.weights.max && feasible(k, high + 1)) ++high;
            low = 0;
            while (low > format_.weights.min && feasible(k, low - 1)) --low;
        }
        z = std::min(std::max(z, static_cast<double>(low)), static_cast<double>(high));
        codes_[k] = static_cast<int>(std::nearbyint(z));
        return {codes_[k], step_ * codes_[k], step_ * z};
    }

private:
    /// Do the worst activations for the tile with this code stay within +-L?
    bool feasible(std::size_t k, int code) const {
        const std::size_t first = k - k % static_cast<std::size_t>(tile_);
        const std::size_t end = std::min(first + static_cast<std::size_t>(tile_), codes_.size());
        const std::int64_t limit = (std::int64_t{1} << (format_.accumulator.inner_bits - 1)) - 1;
        std::int64_t greatest = 0;
        std::int64_t least = 0;
        for (std::size_t j = first; j < end; ++j) {
            const std::int64_t q = j == k ? code : codes_[j];
            greatest += std::max(q * format_.activations.min, q * format_.activations.max);
            least += std::min(q * format_.activations.min, q * format_.activations.max);
        }
        return greatest <= limit && least >= -limit;
    }

    const LinearFormat& format_;
    const QuantizerConfig& config_;
    double step_;
    std::vector<int> codes_;
    std::int64_t tile_ = 0;
    std::vector<double> lambda_;
};

std::vector<Index> order_by(const Eigen::VectorXd& energy, ColumnOrder order) {
    std::vector<Index> columns(static_cast<std::size_t>(energy.size()));
    std::iota(columns.begin(), columns.end(), Index{0});
    if (order == ColumnOrder::natural) return columns;
    std::stable_sort(columns.begin(), columns.end(),
                     [&](Index a, Index b) { return energy(a) > energy(b); });
    return columns;
}

std::vector<double> row_without(const Matrix<double>& weights, Index row,
                                const Eigen::VectorXd& energy) {
    std::vector<double> values;
    for (Index k = 0; k < weights.cols(); ++k)
        values.push_back(energy(k) > 0 ? weights(row, k) : 0.0);
    return values;
}

}  // namespace

double sorted_threshold(std::vector<double> magnitudes, double radius) {
    if (std::accumulate(magnitudes.begin(), magnitudes.end(), 0.0) <= radius) return 0.0;
    std::sort(magnitudes.rbegin(), magnitudes.rend());
    double sum = 0.0;
    double theta = 0.0;
    for (std::size_t k = 1; k <= magnitudes.size(); ++k) {
        sum += magnitudes[k - 1];
        if (magnitudes[k - 1] * static_cast<double>(k) > sum - radius)
            theta = (sum - radius) / static_cast<double>(k);
    }
    return theta;
}

Matrix<int> optq(const Matrix<double>& weights, const std::vector<double>& steps,
                 const Matrix<double>& h, const LinearFormat& format,
                 const QuantizerConfig& config) {
    const Index depth = weights.cols();
    const Eigen::VectorXd energy = h.diagonal();
    const std::vector<Index> order = order_by(energy, config.order);
    Eigen::MatrixXd damped = h;
    for (Index k = 0; k < depth; ++k) {
        if (energy(k) == 0) damped(k, k) = 1.0;
    }
    const double mean = damped.diagonal().mean();
    damped.diagonal().array() += config.damping * mean;
    const Eigen::MatrixXd inverse = damped.fullPivLu().inverse();
    Matrix<int> codes(weights.rows(), depth);
    for (Index c = 0; c < weights.rows(); ++c) {
        std::vector<double> v = row_without(weights, c, energy);
        Channel channel(format, config, v, steps[static_cast<std::size_t>(c)]);
        Eigen::MatrixXd rest = inverse;
        for (const Index k : order) {
            const auto at = static_cast<std::size_t>(k);
            const Quantized q = channel.quantize(at, v[at]);
            codes(c, k) = q.code;
            const double pushed = config.error_feedback == ErrorFeedback::full ? v[at] : q.kept;
            for (Index j = 0; j < depth; ++j)
                v[static_cast<std::size_t>(j)] -= (pushed - q.value) * rest(k, j) / rest(k, k);
            // Optimal Brain Surgeon: the inverse of H without row and column k.
            const Eigen::MatrixXd outer = rest.col(k) * rest.row(k) / rest(k, k);
            rest -= outer;
        }
    }
    return codes;
}

Matrix<int> gpfq(const Matrix<double>& weights, const std::vector<double>& steps,
                 const Samples& samples, const LinearFormat& format,
                 const QuantizerConfig& config) {
    const Eigen::VectorXd energy = samples.quantized.colwise().squaredNorm().transpose();
    const std::vector<Index> order = order_by(energy, config.order);
    Matrix<int> codes = Matrix<int>::Zero(weights.rows(), weights.cols());
    for (Index c = 0; c < weights.rows(); ++c) {
        Channel channel(format, config, row_without(weights, c, energy),
                        steps[static_cast<std::size_t>(c)]);
        Eigen::VectorXd residual = Eigen::VectorXd::Zero(samples.original.rows());
        for (const Index k : order) {
            residual += weights(c, k) * samples.original.col(k);
            if (energy(k) == 0) continue;
            const double v = residual.dot(samples.quantized.col(k)) / energy(k);
            const Quantized q = channel.quantize(static_cast<std::size_t>(k), v);
            codes(c, k) = q.code;
            residual -= q.value * samples.quantized.col(k);
        }
    }
    return codes;
}

Matrix<int> qronos(const Matrix<double>& weights, const std::vector<double>& steps,
                   const InputMoments& moments, const LinearFormat& format,
                   const QuantizerConfig& config) {
    const Index depth = weights.cols();
    const Eigen::VectorXd energy = moments.h.diagonal();
    const std::vector<Index> order = order_by(energy, config.order);
    Eigen::MatrixXd h = moments.h;
    for (Index k = 0; k < depth; ++k) {
        if (energy(k) == 0) h(k, k) = 1.0;
    }
    const double damping = config.damping * h.diagonal().mean();
    Matrix<int> codes(weights.rows(), depth);
    for (Index c = 0; c < weights.rows(); ++c) {
        const std::vector<double> row = row_without(weights, c, energy);
        const Eigen::VectorXd w = Eigen::Map<const Eigen::VectorXd>(row.data(), depth);
        Channel channel(format, config, row, steps[static_cast<std::size_t>(c)]);
        Eigen::VectorXd value = Eigen::VectorXd::Zero(depth);
        for (std::size_t t = 0; t < order.size(); ++t) {
            const Index k = order[t];
            double v = 0;
            if (t == 0) {
                v = (moments.g.row(k).dot(w) - h.row(k).dot(w) + h(k, k) * w(k)) / h(k, k);
            } else {
                const std::span free(order.data() + t, order.size() - t);
                const auto count = static_cast<Index>(free.size());
                Eigen::MatrixXd normal(count, count);
                Eigen::VectorXd target(count);
                for (Index i = 0; i < count; ++i) {
                    const Index a = free[static_cast<std::size_t>(i)];
                    target(i) = moments.g.row(a).dot(w) + damping * w(a) - h.row(a).dot(value);
                    for (Index j = 0; j < count; ++j) {
                        normal(i, j) = h(a, free[static_cast<std::size_t>(j)]);
                    }
                    normal(i, i) += damping;
                }
                v = normal.fullPivLu().solve(target)(0);
            }
            const Quantized q = channel.quantize(static_cast<std::size_t>(k), v);
            codes(c, k) = q.code;
            value(k) = q.value;
        }
    }
    return codes;
}

}  // namespace axesim::quant::reference
