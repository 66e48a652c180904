#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "sources/arrays.h"
#include "support/expect_error.h"
#include "support/run_program.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using testing::caught;
using ::testing::HasSubstr;
using testing::IsError;
using testing::TempFolder;

class Npy : public ::testing::Test {
 protected:
  std::string path() const { return (folder_ / "x.npy").string(); }
  Error error(const std::string& bytes) {
    write_file_atomically(path(), bytes);
    return caught([&] { read_npy(path()); });
  }
  void expect_damaged(const std::string& bytes, const std::string& problem) {
    EXPECT_THAT(error(bytes), IsError(ErrorKind::damaged, path(), HasSubstr(problem),
                                      "write it with numpy.save"));
  }
  /// A file of version `major`.0 with that header.
  static std::string file(const std::string& header, const std::string& data, int major = 1) {
    std::string bytes = std::string("\x93NUMPY") + static_cast<char>(major) + '\0';
    const std::size_t length_size = major == 1 ? 2 : 4;
    for (std::size_t i = 0; i < length_size; ++i) {
      bytes += static_cast<char>(header.size() >> (8 * i) & 255U);
    }
    return bytes + header + data;
  }
  static std::string header(const std::string& descr, const std::string& shape,
                            const std::string& fortran = "False") {
    return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape +
           ", }  \n";
  }

  TempFolder folder_;
};

TEST_F(Npy, RoundTrip) {
  write_npy(path(), {2, 1, 3}, "abcdef");
  const ByteArray array = read_npy(path());
  EXPECT_EQ(array.sizes, (std::vector<std::int64_t>{2, 1, 3}));
  EXPECT_EQ(std::string(array.bytes.begin(), array.bytes.end()), "abcdef");
}

TEST_F(Npy, BeginsItsDataAtAMultipleOf64) {
  for (const std::int64_t size : {1, 10, 100, 1000, 10000}) {
    write_npy(path(), {size, size, size, 0}, "");
    EXPECT_EQ(read_file(path()).size() % 64, 0U);
  }
}

TEST_F(Npy, OpensInPython) {
  if (std::string(DCGAN_PYTHON).empty()) GTEST_SKIP() << "no Python with NumPy";
  const std::string code =
      "import numpy as n; a = n.load('x.npy'); assert a.shape == (3,) and a.dtype == n.uint8; "
      "assert bytes(a) == b'xyz'; n.save('y.npy', n.arange(24, dtype=n.uint8).reshape(2, 3, 4))";
  write_npy(path(), {3}, "xyz");
  const auto result =
      testing::run_program({"-c", code}, {.folder = folder_.path(), .program = DCGAN_PYTHON});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const ByteArray array = read_npy(folder_ / "y.npy");
  EXPECT_EQ(array.sizes, (std::vector<std::int64_t>{2, 3, 4}));
  EXPECT_EQ(array.bytes.back(), 23);
}

TEST_F(Npy, ReadsAllVersions) {
  for (const int major : {1, 2, 3}) {
    write_file_atomically(path(), file(header("|u1", "(2, 2)"), "abcd", major));
    EXPECT_EQ(read_npy(path()).sizes, (std::vector<std::int64_t>{2, 2}));
  }
}

TEST_F(Npy, ReadsAnEmptyArrayAndAScalar) {
  write_file_atomically(path(), file(header("|u1", "(0, 2)"), ""));
  EXPECT_EQ(read_npy(path()).sizes, (std::vector<std::int64_t>{0, 2}));
  write_file_atomically(path(), file(header("|u1", "()"), "a"));
  EXPECT_TRUE(read_npy(path()).sizes.empty());
}

TEST_F(Npy, ReadsTheKeysInAnyOrder) {
  write_file_atomically(path(),
                        file("{'shape': (2,), 'descr':'|u1', 'fortran_order': False}", "ab"));
  EXPECT_EQ(read_npy(path()).sizes, std::vector<std::int64_t>{2});
}

TEST_F(Npy, RefusesEveryCut) {
  const std::string whole = file(header("|u1", "(2, 2)"), "abcd");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    expect_damaged(whole.substr(0, length), length < 6                  ? "is no .npy file"
                                            : length < whole.size() - 4 ? "is cut short"
                                                                        : "its header promises");
  }
}

TEST_F(Npy, RefusesWhatIsDamaged) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {file(header("|u1", "(2,)"), "abc"), "its header promises 2 bytes of data, but 3 are there"},
      {"\x89PNG\r\n\x1a\n and more", "is no .npy file: it does not begin with \\x93NUMPY"},
      {file(header("|u1", "(-1, 2)"), "ab"), "its header is damaged"},
      {file(header("|u1", "(4294967296, 4294967296)"), "ab"), "its header is damaged"},
  };
  for (const auto& [bytes, problem] : cases) expect_damaged(bytes, problem);
}

TEST_F(Npy, RefusesADamagedHeader) {
  for (const std::string& bad :
       {std::string("{}"), std::string("[]"), header("|u1", "(2,)").substr(0, 20),
        header("|u1", "(2"), header("|u1", "(a,)"), header("|u1", "2"), header("|u1", "(2,,)"),
        header("|u1", "(99999999999999999999,)"), std::string("{'descr': '|u1', 'shape': (2,)}"),
        std::string("{'descr': '|u1', 'fortran_order': False, 'shape':")}) {
    expect_damaged(file(bad, "ab"), "its header is damaged");
  }
}

TEST_F(Npy, RefusesAnotherType) {
  const std::string records =
      "{'descr': [('a', '|u1'), ('b', '|u1')], 'fortran_order': False, 'shape': (1,), }";
  for (const auto& [dict, type] : {std::pair{header("<f4", "(1,)"), "<f4"}, {records, "records"}}) {
    EXPECT_THAT(error(file(dict, "abcd")), IsError(ErrorKind::failure, path(),
                                                   "holds elements of type '" + std::string(type) +
                                                       "'; only uint8 ('|u1') can be read",
                                                   HasSubstr("images.astype(numpy.uint8)")));
  }
}

TEST_F(Npy, RefusesFortranOrder) {
  EXPECT_THAT(error(file(header("|u1", "(1, 2)", "True"), "ab")),
              IsError(ErrorKind::failure, path(), "is in Fortran order",
                      "write it in C order: numpy.save(file, numpy.ascontiguousarray(array))"));
}

TEST_F(Npy, ReadsFloatsOfBothSizes) {
  const auto read = [this]<typename Element>(const std::string& type,
                                             std::vector<Element> numbers) {
    write_file_atomically(
        path(), file(header(type, "(2, 1)"), {reinterpret_cast<const char*>(numbers.data()),
                                              numbers.size() * sizeof(Element)}));
    const FloatArray array = read_float_npy(path());
    EXPECT_EQ(array.sizes, (std::vector<std::int64_t>{2, 1}));
    return array.numbers;
  };
  EXPECT_EQ(read("<f4", std::vector<float>{1.5F, -2}), (std::vector<float>{1.5F, -2}));
  EXPECT_EQ(read("<f8", std::vector<double>{1.5, -2}), (std::vector<float>{1.5F, -2}));
}

TEST_F(Npy, RefusesFloatsThatAreNone) {
  const auto said = [this](const std::string& bytes) {
    write_file_atomically(path(), bytes);
    return caught([&] { read_float_npy(path()); });
  };
  EXPECT_THAT(said(file(header("|u1", "(4,)"), "abcd")),
              IsError(ErrorKind::failure, path(),
                      "holds elements of type '|u1'; float32 or float64 is needed",
                      "write it with numpy.save(file, array.astype(numpy.float32))"));
  EXPECT_THAT(said(file(header("<f4", "(1, 1)", "True"), "abcd")),
              IsError(ErrorKind::failure, path(), "is in Fortran order", HasSubstr("C order")));
  EXPECT_THAT(said(file(header("<f8", "(1,)"), "abcd")),
              IsError(ErrorKind::damaged, path(), HasSubstr("promises 8 bytes of data, but 4"),
                      "write it with numpy.save"));
  EXPECT_THAT(said("no array"), IsError(ErrorKind::damaged, path(), HasSubstr("no .npy file"),
                                        "write it with numpy.save"));
}

}  // namespace
}  // namespace dcgan
