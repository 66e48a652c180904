// What load_dataset() says of a configuration.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "data/dataset.h"
#include "dcgan/error.h"

namespace dcgan::testing {

/// The complaint about a configuration, or "" when the set loads.
inline std::string complaint(const DataConfig& data) {
  try {
    load_dataset(data);
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 1);
    return error.what();
  }
  return "";
}

}  // namespace dcgan::testing
