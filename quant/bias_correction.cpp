// SPDX-License-Identifier: Apache-2.0
#include "quant/bias_correction.h"

namespace axesim::quant {

Eigen::RowVectorXd input_means(const Matrix<float>& inputs, Index sequence_length) {
    Eigen::RowVectorXd sum = Eigen::RowVectorXd::Zero(inputs.cols());
    Index rows = 0;
    for (Index row = 0; row < inputs.rows(); ++row) {
        if (sequence_length > 1 && row % sequence_length == 0) continue;
        sum += inputs.row(row).cast<double>();
        ++rows;
    }
    return sum / static_cast<double>(rows);
}

std::vector<double> mean_output_errors(const Matrix<double>& weights, const QuantizedLinear& linear,
                                       const Eigen::RowVectorXd& means) {
    std::vector<double> errors;
    for (Index c = 0; c < weights.rows(); ++c) {
        errors.push_back((weights.row(c) - represented_weights(linear, c)).dot(means));
    }
    return errors;
}

}  // namespace axesim::quant
