// What a download tells its user, on stderr.
#pragma once

#include <string>

#include "fetch/fetch.h"
#include "fetch/transfer.h"

namespace dcgan {

/// "[####------]  42 % 4.0 MiB of 9.5 MiB 1.2 MiB/s train-images-idx3-ubyte.gz", as much as fits
/// into `width` columns and one to spare.
std::string format_transfer(const TransferProgress& progress, int width);

/// Lines on stderr and, where it is a terminal, a bar below them. It must not outlive a call of
/// fetch_set() with what it returns.
class FetchPrinter {
 public:
  FetchPrinter();
  ~FetchPrinter();
  FetchPrinter(const FetchPrinter&) = delete;
  FetchPrinter& operator=(const FetchPrinter&) = delete;

  FetchListener listener();

 private:
  void erase_bar();

  bool is_terminal_;
  bool has_bar_ = false;
};

}  // namespace dcgan
