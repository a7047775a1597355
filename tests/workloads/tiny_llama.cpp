// SPDX-License-Identifier: Apache-2.0
#include "tests/workloads/tiny_llama.h"

#include <cmath>
#include <random>

namespace axesim::workloads {

namespace {

constexpr double kRopeBase = 500.0;
constexpr double kEpsilon = 1e-5;
const std::vector<std::string> kMerges = {"a b", "ab c", "Ġ a", "Ġa b"};
const std::map<std::string, std::uint32_t> kTypeIds = {{"F32", 0}, {"F16", 1}, {"BF16", 30}};
const std::vector<std::string> kSpecial = {"<|end|>", "<|end|>>"};

// The 256 characters of GPT-2's table, written as UTF-8 here by its two ranges of code points.
std::vector<std::string> byte_spellings() {
    std::vector<std::string> spellings;
    int next = 256;
    for (int byte = 0; byte < 256; ++byte) {
        const bool itself = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) ||
                            (byte >= 174 && byte <= 255);
        const int code = itself ? byte : next++;
        std::string utf8(1, static_cast<char>(code));
        if (code >= 128) {
            utf8 = {static_cast<char>(0xC0 + code / 64), static_cast<char>(0x80 + code % 64)};
        }
        spellings.push_back(utf8);
    }
    return spellings;
}

std::string block_name(Index block, const std::string& part) {
    return "blk." + std::to_string(block) + "." + part + ".weight";
}

Matrix<double> random_matrix(std::mt19937& generator, Index rows, Index columns, double spread) {
    std::normal_distribution<double> normal(0.0, spread);
    Matrix<double> result(rows, columns);
    for (Index i = 0; i < result.size(); ++i) result.data()[i] = normal(generator);
    return result;
}

// Multiples of 1/256 below 8, which half precision holds exactly.
void make_exact(Matrix<double>& matrix) { matrix = (matrix.array() * 256.0).round() / 256.0; }

Matrix<double> norm(const Matrix<double>& x, const Matrix<double>& weight) {
    Matrix<double> y = x;
    for (Index r = 0; r < x.rows(); ++r) {
        double sum = 0.0;
        for (Index c = 0; c < x.cols(); ++c) sum += x(r, c) * x(r, c);
        const double root = std::sqrt(sum / static_cast<double>(x.cols()) + kEpsilon);
        for (Index c = 0; c < x.cols(); ++c) y(r, c) = x(r, c) / root * weight(0, c);
    }
    return y;
}

}  // namespace

Index TinyLlama::vocabulary() { return static_cast<Index>(256 + kMerges.size() + kSpecial.size()); }

TinyLlama::TinyLlama(const TinyShape& shape) : shape_(shape) {
    std::mt19937 generator(7);
    const auto add = [&](const std::string& name, Index rows, Index columns, double spread) {
        tensors_[name] = random_matrix(generator, rows, columns, spread);
        if (shape.exact_in_half) make_exact(tensors_[name]);
    };
    const auto add_norm = [&](const std::string& name) {
        add(name, 1, shape.hidden, 0.2);
        tensors_[name].array() += 1.0;
    };
    const Index q = shape.heads * shape.head_size, kv = shape.kv_heads * shape.head_size;
    add("token_embd.weight", vocabulary(), shape.hidden, 1.0);
    add_norm("output_norm.weight");
    if (!shape.tied) add("output.weight", vocabulary(), shape.hidden, 0.5);
    for (Index b = 0; b < shape.blocks; ++b) {
        add_norm(block_name(b, "attn_norm"));
        add_norm(block_name(b, "ffn_norm"));
        add(block_name(b, "attn_q"), q, shape.hidden, 0.4);
        add(block_name(b, "attn_k"), kv, shape.hidden, 0.4);
        add(block_name(b, "attn_v"), kv, shape.hidden, 0.4);
        add(block_name(b, "attn_output"), shape.hidden, q, 0.4);
        add(block_name(b, "ffn_gate"), shape.ffn, shape.hidden, 0.4);
        add(block_name(b, "ffn_up"), shape.ffn, shape.hidden, 0.4);
        add(block_name(b, "ffn_down"), shape.hidden, shape.ffn, 0.4);
    }
    for (Index i = 0; i < shape.head_size / 2; ++i) {
        rope_factors_.push_back(shape.rope_factors ? 1.0 + 0.75 * static_cast<double>(i) : 1.0);
    }
}

const std::vector<std::string>& TinyLlama::special_tokens() { return kSpecial; }

const std::vector<std::string>& TinyLlama::merges() { return kMerges; }

std::vector<std::string> TinyLlama::tokens() {
    std::vector<std::string> tokens = byte_spellings();
    for (const std::string& merge : kMerges) {
        std::string merged = merge;
        tokens.push_back(merged.erase(merged.find(' '), 1));
    }
    tokens.insert(tokens.end(), kSpecial.begin(), kSpecial.end());
    return tokens;
}

std::string encoded(const Matrix<double>& matrix, const std::string& type) {
    std::string bytes;
    for (Index i = 0; i < matrix.size(); ++i) {
        const auto value = static_cast<float>(matrix.data()[i]);
        if (type == "F32") bytes += raw(value);
        if (type == "F16") bytes += raw(Eigen::half(value));
        if (type == "BF16") bytes += raw(Eigen::bfloat16(value));
    }
    return bytes;
}

GgufWriter TinyLlama::writer(const std::string& type) const {
    GgufWriter writer;
    const auto size = [](Index value) { return static_cast<std::uint32_t>(value); };
    writer.text("general.architecture", "llama");
    writer.integer("llama.block_count", size(shape_.blocks));
    writer.integer("llama.context_length", 64);
    writer.integer("llama.embedding_length", size(shape_.hidden));
    writer.integer("llama.feed_forward_length", size(shape_.ffn));
    writer.integer("llama.attention.head_count", size(shape_.heads));
    writer.integer("llama.attention.head_count_kv", size(shape_.kv_heads));
    writer.integer("llama.attention.key_length", size(shape_.head_size));
    writer.number("llama.rope.freq_base", static_cast<float>(kRopeBase));
    writer.number("llama.attention.layer_norm_rms_epsilon", static_cast<float>(kEpsilon));
    std::vector<std::int32_t> types(tokens().size() - kSpecial.size(), 1);
    types.resize(tokens().size(), 3);
    writer.text("tokenizer.ggml.model", "gpt2");
    writer.text("tokenizer.ggml.pre", "smollm");
    writer.strings("tokenizer.ggml.tokens", tokens());
    writer.integers("tokenizer.ggml.token_type", types);
    writer.strings("tokenizer.ggml.merges", kMerges);
    for (const auto& [name, matrix] : tensors_) {
        const bool is_up = name.find("ffn_up") != std::string::npos;
        const std::string own_type = !type.empty() ? type : is_up ? "F16" : "F32";
        std::vector<std::uint64_t> dimensions = {static_cast<std::uint64_t>(matrix.cols())};
        if (matrix.rows() > 1) dimensions.push_back(static_cast<std::uint64_t>(matrix.rows()));
        writer.tensor(name, dimensions, kTypeIds.at(own_type), encoded(matrix, own_type));
    }
    if (shape_.rope_factors) {
        const std::vector<float> factors(rope_factors_.begin(), rope_factors_.end());
        writer.tensor("rope_freqs.weight", {factors.size()}, 0, raw_array(factors));
    }
    return writer;
}

void TinyLlama::rotate(Matrix<double>& x) const {
    const Index size = shape_.head_size;
    for (Index position = 0; position < x.rows(); ++position) {
        for (Index c = 0; c < x.cols(); c += 2) {
            const Index pair = c % size / 2;
            const double frequency =
                std::pow(kRopeBase, -2.0 * static_cast<double>(pair) / static_cast<double>(size)) /
                rope_factors_[static_cast<std::size_t>(pair)];
            const double angle = static_cast<double>(position) * frequency;
            const double a = x(position, c), b = x(position, c + 1);
            x(position, c) = a * std::cos(angle) - b * std::sin(angle);
            x(position, c + 1) = a * std::sin(angle) + b * std::cos(angle);
        }
    }
}

Matrix<double> TinyLlama::attention(Index block, const Matrix<double>& x) const {
    Matrix<double> q = x * at(block_name(block, "attn_q")).transpose();
    Matrix<double> k = x * at(block_name(block, "attn_k")).transpose();
    const Matrix<double> v = x * at(block_name(block, "attn_v")).transpose();
    rotate(q);
    rotate(k);
    const Index size = shape_.head_size;
    Matrix<double> mixed = Matrix<double>::Zero(q.rows(), q.cols());
    for (Index head = 0; head < shape_.heads; ++head) {
        const Index kv_head = head * shape_.kv_heads / shape_.heads;
        for (Index i = 0; i < q.rows(); ++i) {
            std::vector<double> weights;
            double sum = 0.0;
            for (Index j = 0; j <= i; ++j) {
                double dot = 0.0;
                for (Index c = 0; c < size; ++c) {
                    dot += q(i, head * size + c) * k(j, kv_head * size + c);
                }
                weights.push_back(std::exp(dot / std::sqrt(static_cast<double>(size))));
                sum += weights.back();
            }
            for (Index j = 0; j <= i; ++j) {
                for (Index c = 0; c < size; ++c) {
                    mixed(i, head * size + c) +=
                        weights[static_cast<std::size_t>(j)] / sum * v(j, kv_head * size + c);
                }
            }
        }
    }
    return mixed * at(block_name(block, "attn_output")).transpose();
}

Matrix<double> TinyLlama::logits(const std::vector<TokenId>& tokens) const {
    Matrix<double> hidden(static_cast<Index>(tokens.size()), shape_.hidden);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        hidden.row(static_cast<Index>(i)) = at("token_embd.weight").row(tokens[i]);
    }
    for (Index b = 0; b < shape_.blocks; ++b) {
        hidden += attention(b, norm(hidden, at(block_name(b, "attn_norm"))));
        const Matrix<double> x = norm(hidden, at(block_name(b, "ffn_norm")));
        Matrix<double> gate = x * at(block_name(b, "ffn_gate")).transpose();
        const Matrix<double> up = x * at(block_name(b, "ffn_up")).transpose();
        for (Index i = 0; i < gate.size(); ++i) {
            double& g = gate.data()[i];
            g = g * (1.0 / (1.0 + std::exp(-g))) * up.data()[i];
        }
        hidden += gate * at(block_name(b, "ffn_down")).transpose();
    }
    const auto& head = at(shape_.tied ? "token_embd.weight" : "output.weight");
    return norm(hidden, at("output_norm.weight")) * head.transpose();
}

}  // namespace axesim::workloads
