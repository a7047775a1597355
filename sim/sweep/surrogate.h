// SPDX-License-Identifier: Apache-2.0
// What a run would show, guessed from the runs that there were.
#pragma once

#include <Eigen/Core>
#include <map>
#include <vector>

#include "sim/sweep/pareto.h"

namespace axesim::sim {

/// A Gaussian process for each objective (Rasmussen and Williams, Gaussian Processes for Machine
/// Learning, 2006, algorithm 2.1): a quadratic in the places of the values on their axes, and what
/// is smooth beside it.
class Surrogate {
public:
    /// `known` must not be empty.
    Surrogate(const std::vector<std::size_t>& axis_sizes,
              const std::map<Combination, Objectives>& known);

    Objectives operator()(const Combination& combination) const;

private:
    Eigen::VectorXd places(const Combination& combination) const;
    Eigen::VectorXd similarity(const Eigen::VectorXd& place) const;

    const std::vector<std::size_t>& axis_sizes_;
    Eigen::MatrixXd places_;   ///< [known, axis]
    Eigen::MatrixXd weights_;  ///< [known, objective]
    Eigen::RowVectorXd mean_;  ///< [objective]
};

}  // namespace axesim::sim
