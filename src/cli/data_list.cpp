#include "cli/data_list.h"

#include <iostream>

#include "fetch/verify.h"

namespace dcgan::cli {

int DataList::run() const {
  std::cout << format_known_sets(known_sets(), ".");
  return 0;
}

}  // namespace dcgan::cli
