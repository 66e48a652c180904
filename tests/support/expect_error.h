// The text of the dcgan::Error that a call throws.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "dcgan/error.h"

namespace dcgan::testing {

template <typename Call>
std::string error_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "(no error)";
}

}  // namespace dcgan::testing
