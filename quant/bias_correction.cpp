// SPDX-License-Identifier: Apache-2.0
#include "quant/bias_correction.h"

namespace axesim::quant {

namespace {

Eigen::RowVectorXd mean_of_rows(const Matrix<float>& samples) {
    Eigen::RowVectorXd sum = Eigen::RowVectorXd::Zero(samples.cols());
    for (Index row = 0; row < samples.rows(); ++row) sum += samples.row(row).cast<double>();
    return sum / static_cast<double>(samples.rows());
}

}  // namespace

InputMeans input_means(const Matrix<float>& quantized, const Matrix<float>* original) {
    InputMeans means;
    means.quantized = mean_of_rows(quantized);
    means.original = original != nullptr ? mean_of_rows(*original) : means.quantized;
    return means;
}

std::vector<double> mean_output_errors(const Matrix<double>& weights, const QuantizedLinear& linear,
                                       const InputMeans& means) {
    std::vector<double> errors;
    for (Index c = 0; c < weights.rows(); ++c) {
        errors.push_back(weights.row(c).dot(means.original) -
                         represented_weights(linear, c).dot(means.quantized));
    }
    return errors;
}

}  // namespace axesim::quant
