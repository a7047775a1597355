// SPDX-License-Identifier: Apache-2.0
#include "common/npy.h"

#include <gtest/gtest.h>

#include <fstream>

#include "common/error.h"
#include "common/files.h"
#include "tests/temporary_directory.h"

namespace axesim {
namespace {

/// Bytes as numpy.save writes them: magic, version, header length, header, data.
std::string numpy_bytes(const std::string& header, const std::string& data) {
    std::string bytes = "\x93NUMPY\x01";
    bytes += '\0';
    bytes += static_cast<char>(header.size());
    bytes += '\0';
    return bytes + header + data;
}

void write(const std::filesystem::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

TEST(Npy, ReadsWhatNumpyWrites) {
    const testing::TemporaryDirectory folder;
    // numpy.save of [[1, -2, 3]] as int16.
    write(folder / "a.npy",
          numpy_bytes("{'descr': '<i2', 'fortran_order': False, 'shape': (1, 3), }\n",
                      std::string("\x01\x00\xfe\xff\x03\x00", 6)));
    const Matrix<std::int64_t> array = read_npy_integer(folder / "a.npy");
    ASSERT_EQ(array.rows(), 1);
    ASSERT_EQ(array.cols(), 3);
    EXPECT_EQ(array(0, 1), -2);
}

TEST(Npy, RoundTrip) {
    const testing::TemporaryDirectory folder;
    const Matrix<float> real = Matrix<float>::Random(5, 7);
    write_npy(folder / "f.npy", real);
    EXPECT_EQ(read_npy_real(folder / "f.npy"), real.cast<double>());
    Matrix<std::int64_t> whole(2, 2);
    whole << 1, -2, std::int64_t{1} << 60, 4;
    write_npy(folder / "i.npy", whole);
    EXPECT_EQ(read_npy_integer(folder / "i.npy"), whole);
    EXPECT_EQ((std::filesystem::file_size(folder / "i.npy") - 32) % 64, 0U);  // aligned data
}

TEST(Npy, RejectsWhatItCannotRead) {
    const testing::TemporaryDirectory folder;
    const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n";
    write(folder / "cut.npy", numpy_bytes(header, "\x01\x02\x03"));
    EXPECT_THROW(read_npy_real(folder / "cut.npy"), UserError);
    write(folder / "text.npy", "hello");
    EXPECT_THROW(read_npy_real(folder / "text.npy"), UserError);
    write(folder / "real.npy", numpy_bytes(header, std::string(16, '\0')));
    EXPECT_THROW(read_npy_integer(folder / "real.npy"), UserError);
    write(folder / "fortran.npy",
          numpy_bytes("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }\n",
                      std::string(16, '\0')));
    EXPECT_THROW(read_npy_real(folder / "fortran.npy"), UserError);
    write(folder / "3d.npy",
          numpy_bytes("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 2), }\n",
                      std::string(16, '\0')));
    EXPECT_THROW(read_npy_real(folder / "3d.npy"), UserError);
    write(folder / "huge.npy",
          numpy_bytes("{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999999, "
                      "999999999999999), }\n",
                      std::string(16, '\0')));
    EXPECT_THROW(read_npy_real(folder / "huge.npy"), UserError);
}

}  // namespace
}  // namespace axesim
