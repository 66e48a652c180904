// The dcgan::Error that a call throws, and what it must say.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "dcgan/error.h"

namespace dcgan::testing {

/// The Error that `call` throws; the test fails where it throws none.
template <typename Call>
Error caught(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error was thrown";
  return failure("(no error)");
}

/// EXPECT_THAT(caught(...), IsError(ErrorKind::failure, path, HasSubstr("cut short"), "copy it")).
template <typename Problem, typename Remedy>
auto IsError(ErrorKind kind, const std::filesystem::path& where, Problem problem, Remedy remedy) {
  return ::testing::AllOf(
      ::testing::Property("kind", &Error::kind, kind),
      ::testing::Property("where", &Error::where, where.string()),
      ::testing::Property("problem", &Error::problem, problem),
      ::testing::Property(
          "remedy", static_cast<const std::string& (Error::*)() const>(&Error::remedy), remedy));
}

}  // namespace dcgan::testing
