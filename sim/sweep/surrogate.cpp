// SPDX-License-Identifier: Apache-2.0
#include "sim/sweep/surrogate.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

namespace axesim::sim {

namespace {

/// Variance of what no smooth function explains, next to variances of about one for what does.
constexpr double kNoise = 1e-4;

}  // namespace

Surrogate::Surrogate(const std::vector<std::size_t>& axis_sizes,
                     const std::map<Combination, Objectives>& known)
    : axis_sizes_(axis_sizes) {
    const auto count = static_cast<Eigen::Index>(known.size());
    places_.resize(count, static_cast<Eigen::Index>(axis_sizes.size()));
    Eigen::MatrixXd values(count, static_cast<Eigen::Index>(known.begin()->second.size()));
    Eigen::Index row = 0;
    for (const auto& [combination, objectives] : known) {
        places_.row(row) = places(combination).transpose();
        values.row(row++) = Eigen::Map<const Eigen::RowVectorXd>(objectives.data(), values.cols());
    }
    mean_ = values.colwise().mean();
    values.rowwise() -= mean_;
    Eigen::MatrixXd kernel(count, count);
    for (Eigen::Index i = 0; i < count; ++i) {
        kernel.col(i) = similarity(places_.row(i).transpose());
    }
    kernel.diagonal().array() += kNoise;
    weights_ = kernel.ldlt().solve(values);
}

Objectives Surrogate::operator()(const Combination& combination) const {
    const Eigen::RowVectorXd guess = similarity(places(combination)).transpose() * weights_ + mean_;
    return {guess.begin(), guess.end()};
}

/// The first value of an axis lies at -1/2, its last one at 1/2.
Eigen::VectorXd Surrogate::places(const Combination& combination) const {
    Eigen::VectorXd place(static_cast<Eigen::Index>(combination.size()));
    for (std::size_t axis = 0; axis < combination.size(); ++axis) {
        const auto last = static_cast<double>(std::max<std::size_t>(2, axis_sizes_[axis]) - 1);
        place(static_cast<Eigen::Index>(axis)) =
            static_cast<double>(combination[axis]) / last - 0.5;
    }
    return place;
}

Eigen::VectorXd Surrogate::similarity(const Eigen::VectorXd& place) const {
    const Eigen::ArrayXd products = (places_ * place).array();
    const Eigen::ArrayXd squared_distances =
        (places_.rowwise() - place.transpose()).rowwise().squaredNorm().array();
    return (1 + products).square() + (-squared_distances / 2).exp();
}

}  // namespace axesim::sim
