// SPDX-License-Identifier: Apache-2.0
#include "reports/html_report.h"

#include <openssl/evp.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "common/error.h"
#include "common/files.h"
#include "reports/html/parts.h"

namespace axesim::reports {

using Json = nlohmann::ordered_json;

namespace {

std::string gzip(const std::string& text) {
    constexpr int kGzip = 15 + 16;  // zlib's largest window, with gzip's header
    constexpr int kMemoryLevel = 8;
    z_stream stream{};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        throw RunError("zlib cannot compress the report");
    }
    std::string packed(deflateBound(&stream, text.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    // Both sizes are counted in 32 bits, so that large ones go in parts.
    std::size_t unread = text.size(), room = packed.size();
    int status = Z_OK;
    while (status == Z_OK) {
        constexpr std::size_t kPart = std::size_t{1} << 30;
        stream.avail_in = static_cast<uInt>(std::min(unread, kPart));
        stream.avail_out = static_cast<uInt>(std::min(room, kPart));
        const std::size_t offered_in = stream.avail_in, offered_out = stream.avail_out;
        status = deflate(&stream, offered_in == unread ? Z_FINISH : Z_NO_FLUSH);
        unread -= offered_in - stream.avail_in;
        room -= offered_out - stream.avail_out;
    }
    deflateEnd(&stream);
    if (status != Z_STREAM_END) throw RunError("zlib cannot compress the report");
    packed.resize(packed.size() - room);
    return packed;
}

std::string base64(const std::string& bytes) {
    // In pieces of whole groups of three bytes: the library counts in int.
    constexpr std::size_t kPiece = 3 << 20;
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += kPiece) {
        const std::size_t size = std::min(kPiece, bytes.size() - at);
        std::string piece(4 * ((size + 2) / 3) + 1, '\0');
        const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(piece.data()),
                                           reinterpret_cast<const unsigned char*>(&bytes[at]),
                                           static_cast<int>(size));
        text.append(piece, 0, static_cast<std::size_t>(length));
    }
    return text;
}

Json data_of(const SavedResults& results) {
    Json designs = Json::array();
    for (const SavedDesign& design : results.designs) {
        Json result = design.result;
        result.erase("host");  // so that the page, too, is the same for the same config
        designs.push_back({{"label", design.label},
                           {"config_yaml", design.config_yaml},
                           {"result", std::move(result)}});
    }
    return {{"keys", varying_keys(results.designs)},
            {"designs", std::move(designs)},
            {"missing", results.missing},
            {"schema", Json::parse(html::kSchema)}};
}

}  // namespace

std::string html_report(const SavedResults& results) {
    const std::string data = base64(
        gzip(data_of(results).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));
    const std::array<std::pair<std::string_view, std::string_view>, 4> parts{
        {{"style", html::kStyle},
         {"library", html::kLibrary},
         {"data", data},
         {"script", html::kScript}}};
    std::string page;
    std::string_view rest = html::kTemplate;
    for (const auto& [name, content] : parts) {  // in the order of the template
        const std::string place = "{{" + std::string(name) + "}}";
        const std::size_t at = rest.find(place);
        if (at == std::string_view::npos) throw RunError("the report's template lacks " + place);
        page.append(rest.substr(0, at)).append(content);
        rest.remove_prefix(at + place.size());
    }
    return page.append(rest);
}

void write_html_report(const std::filesystem::path& path, const SavedResults& results) {
    const std::string page = html_report(results);
    write_file_atomically(path, [&](std::ostream& out) { out << page; });
}

}  // namespace axesim::reports
