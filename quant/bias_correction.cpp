// SPDX-License-Identifier: Apache-2.0
#include "quant/bias_correction.h"

namespace axesim::quant {

namespace {

Eigen::RowVectorXd mean_of_rows(const Matrix<float>& samples, Index sequence_length) {
    Eigen::RowVectorXd sum = Eigen::RowVectorXd::Zero(samples.cols());
    Index rows = 0;
    for (Index row = 0; row < samples.rows(); ++row) {
        if (sequence_length > 1 && row % sequence_length == 0) continue;
        sum += samples.row(row).cast<double>();
        ++rows;
    }
    return sum / static_cast<double>(rows);
}

}  // namespace

InputMeans input_means(const Matrix<float>& quantized, const Matrix<float>* original,
                       Index sequence_length) {
    InputMeans means;
    means.quantized = mean_of_rows(quantized, sequence_length);
    means.original =
        original != nullptr ? mean_of_rows(*original, sequence_length) : means.quantized;
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
