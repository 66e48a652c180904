#include "sources/npy.h"

#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "support/expect_error.h"
#include "support/run_program.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using testing::error_of;
using testing::TempFolder;

class Npy : public ::testing::Test {
 protected:
  std::string path() const { return (folder_ / "x.npy").string(); }
  std::string error(const std::string& bytes) {
    write_file_atomically(path(), bytes);
    return error_of([&] { read_npy(path()); });
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

const std::string kDamagedHeader =
    ": its header is damaged: it is no dict of descr, fortran_order and shape; write it with "
    "numpy.save";

TEST_F(Npy, RoundTrip) {
  write_npy(path(), {2, 1, 3}, "abcdef");
  const NpyArray array = read_npy(path());
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
  const NpyArray array = read_npy(folder_ / "y.npy");
  EXPECT_EQ(array.sizes, (std::vector<std::int64_t>{2, 3, 4}));
  EXPECT_EQ(array.bytes.back(), 23);
}

TEST_F(Npy, ReadsAllVersions) {
  for (const int major : {1, 2, 3}) {
    EXPECT_EQ(error(file(header("|u1", "(2, 2)"), "abcd", major)), "(no error)");
  }
}

TEST_F(Npy, ReadsAnEmptyArrayAndAScalar) {
  EXPECT_EQ(error(file(header("|u1", "(0, 2)"), "")), "(no error)");
  EXPECT_EQ(error(file(header("|u1", "()"), "a")), "(no error)");
}

TEST_F(Npy, RefusesEveryCut) {
  const std::string whole = file(header("|u1", "(2, 2)"), "abcd");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const std::string message = error(whole.substr(0, length));
    EXPECT_EQ(message.find(path() + ": "), 0U) << length << ": " << message;
    EXPECT_NE(message.find(length == 0 ? "is empty" : "cut short"), std::string::npos) << message;
  }
}

TEST_F(Npy, RefusesBytesBehindTheData) {
  EXPECT_EQ(error(file(header("|u1", "(2,)"), "abc")),
            path() +
                ": goes on behind the 2 bytes of data that its header promises; write it with "
                "numpy.save");
}

TEST_F(Npy, RefusesAnotherMagic) {
  EXPECT_EQ(error("\x89PNG\r\n\x1a\n and more"),
            path() +
                ": is no .npy file: it does not begin with \\x93NUMPY; write it with "
                "numpy.save");
}

TEST_F(Npy, RefusesAnotherVersion) {
  EXPECT_EQ(error(file(header("|u1", "(1,)"), "a", 4)),
            path() +
                ": has version 4.0 of the format; 1.0, 2.0 and 3.0 can be read; write it with "
                "numpy.save");
}

TEST_F(Npy, RefusesAnotherType) {
  EXPECT_EQ(error(file(header("<f4", "(1,)"), "abcd")),
            path() +
                ": holds elements of type '<f4'; only uint8 ('|u1') can be read, as in "
                "numpy.save(file, images.astype(numpy.uint8)); numbers in [0, 1] must be "
                "multiplied by 255 and rounded before");
  EXPECT_EQ(error(file(header("<u2", "(1,)"), "ab")),
            path() +
                ": holds elements of type '<u2'; only uint8 ('|u1') can be read, as in "
                "numpy.save(file, images.astype(numpy.uint8)); where they go above 255, "
                "images * 255.0 / images.max() first");
}

TEST_F(Npy, RefusesRecords) {
  const std::string records =
      "{'descr': [('a', '|u1'), ('b', '|u1')], 'fortran_order': False, 'shape': (1,), }";
  EXPECT_NE(error(file(records, "ab")).find("holds elements of type 'records'"), std::string::npos);
}

TEST_F(Npy, RefusesFortranOrder) {
  EXPECT_EQ(error(file(header("|u1", "(1, 2)", "True"), "ab")),
            path() +
                ": is in Fortran order; write it in C order, as in numpy.save(file, "
                "numpy.ascontiguousarray(images))");
}

TEST_F(Npy, RefusesANegativeSize) {
  EXPECT_EQ(error(file(header("|u1", "(-1, 2)"), "ab")),
            path() + ": its header is damaged: a size of -1; write it with numpy.save");
}

TEST_F(Npy, RefusesSizesThatOverflow) {
  EXPECT_EQ(error(file(header("|u1", "(4294967296, 4294967296)"), "ab")),
            path() +
                ": its header is damaged: the sizes in it make more than 2^63 bytes; write it "
                "with numpy.save");
}

TEST_F(Npy, RefusesADamagedHeader) {
  const std::string good = header("|u1", "(2,)");
  for (const std::string& bad :
       {std::string("{}"), std::string("[]"), good.substr(0, 20), "{" + good, good + "x",
        header("|u1", "(2"), header("|u1", "(a,)"), header("|u1", "2"),
        header("|u1", "(99999999999999999999,)"), header("|u1", "(2,)", "Maybe"),
        std::string("{'descr': '|u1', 'shape': (2,)}"),
        std::string("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), 'more': 1}")}) {
    EXPECT_EQ(error(file(bad, "ab")), path() + kDamagedHeader) << bad;
  }
}

}  // namespace
}  // namespace dcgan
