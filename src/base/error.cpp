#include "dcgan/error.h"

#include <utility>

namespace dcgan {

Error::Error(ErrorKind kind, std::string problem) : kind_(kind), problem_(std::move(problem)) {
  changed();
}

Error& Error::in(const std::filesystem::path& where, int line) {
  where_ = where.string();
  line_ = line;
  return changed();
}

Error& Error::key(std::string key) {
  key_ = std::move(key);
  return *this;
}

Error& Error::remedy(std::string remedy) {
  remedy_ = std::move(remedy);
  return changed();
}

Error& Error::also(Error other) {
  others_.push_back(std::move(other));
  return changed();
}

int Error::exit_code() const {
  return kind_ == ErrorKind::usage ? 2 : kind_ == ErrorKind::stopped ? kExitStopped : 1;
}

std::string Error::summary() const {
  std::string text = where_;
  if (line_ > 0) text += ':' + std::to_string(line_);
  return text.empty() ? problem_ : text + ": " + problem_;
}

Error& Error::changed() {
  text_ = summary();
  if (!remedy_.empty()) text_ += "; " + remedy_;
  for (const Error& other : others_) text_ += '\n' + other.text_;
  return *this;
}

}  // namespace dcgan
