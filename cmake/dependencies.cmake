# SPDX-License-Identifier: Apache-2.0
# Everything comes from the distribution's packages (scripts/packages.txt); nothing is downloaded here.
find_package(PkgConfig REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(Eigen3 REQUIRED NO_MODULE)
find_package(nlohmann_json REQUIRED)
find_package(fmt REQUIRED)
find_package(Pagmo REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(Boost REQUIRED COMPONENTS program_options)
if(AXESIM_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()
if(AXESIM_BUILD_BENCH)
  find_package(benchmark REQUIRED)
endif()
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
pkg_check_modules(HWY REQUIRED IMPORTED_TARGET libhwy)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(OPENBLAS REQUIRED IMPORTED_TARGET openblas)
pkg_check_modules(SYSTEMC REQUIRED IMPORTED_TARGET systemc tlm)

# Dense linear algebra: Eigen's interface on OpenBLAS's kernels, which pick the instruction set at
# run time. Threads come from OpenMP loops over fixed blocks of rows around it, so that no result
# depends on their number (common/parallel.h). It must be OpenBLAS's pthread build: the sequential
# one gives wrong sums when two threads call it at once.
add_library(axesim_linear_algebra INTERFACE)
target_link_libraries(axesim_linear_algebra INTERFACE Eigen3::Eigen PkgConfig::OPENBLAS
                                                      OpenMP::OpenMP_CXX)
target_compile_definitions(axesim_linear_algebra INTERFACE EIGEN_USE_BLAS EIGEN_DONT_PARALLELIZE)

# Debian's SystemC library is built as C++17 and checks that at link time; this macro makes its
# headers ask for that symbol although we compile as C++20.
add_library(axesim_systemc INTERFACE)
target_link_libraries(axesim_systemc INTERFACE PkgConfig::SYSTEMC)
target_compile_definitions(axesim_systemc INTERFACE SC_CPLUSPLUS=201703L
                                                    SC_INCLUDE_DYNAMIC_PROCESSES)
