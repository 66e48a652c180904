#include "cli/command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/text.h"
#include "config/fields.h"
#include "dcgan/error.h"

namespace dcgan::cli {

CLI::Option* Flags::text(const std::string& flag, const std::string& type,
                         const std::string& meaning, const Take& take) {
  const auto take_some = [=](const std::string& text) {
    if (text.empty()) throw usage_error(flag + " needs a value, not an empty one");
    take(text);
  };
  return app_.add_option_function<std::string>(flag, take_some, meaning)
      ->type_name(type)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void Flags::key(const std::string& flag, const std::string& type, const std::string& key,
                const std::string& meaning, const std::function<void(const Config&)>& take) {
  text(flag, type, meaning, [=](const std::string& value) {
    Config config;
    if (const auto problem = find_field(key)->set(config, {false, {value}})) {
      throw usage_error(flag + " " + problem->text).key(key).remedy(problem->remedy);
    }
    take(config);
  });
}

void Flags::override_key(const std::string& flag, const std::string& type, const std::string& key,
                         const std::string& meaning, std::vector<Override>& overrides) {
  text(flag, type, meaning, [=, &overrides](const std::string& value) {
    overrides.push_back({flag, key + "=" + value});
  });
}

void Flags::repeated(const std::string& flag, const std::string& type, const std::string& meaning,
                     const Take& take) {
  const auto take_all = [=](const std::vector<std::string>& texts) {
    for (const std::string& one : texts) take(one);
  };
  app_.add_option_function<std::vector<std::string>>(flag, take_all, meaning + "; may be repeated")
      ->type_name(type)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void Flags::on(const std::string& flag, const std::string& meaning, bool& target) {
  app_.add_flag(flag, target, meaning);
}

void Flags::positional(const std::string& name, const std::string& meaning, std::string& target) {
  text(name, "", meaning, target)->required();
}

void Flags::positionals(const std::string& name, const std::string& meaning,
                        std::vector<std::string>& target) {
  app_.add_option(name, target, meaning)->type_name("")->required();
}

void Flags::optional_text(const std::string& flag, const std::string& type,
                          const std::string& meaning, const Take& take) {
  const auto take_last = [=](const std::vector<std::string>& texts) {
    take(texts.empty() ? "" : texts.back());
  };
  app_.add_option_function<std::vector<std::string>>(flag, take_last, meaning)
      ->type_name(type)
      ->expected(0, 1);
}

void Flags::config(const std::string& meaning, std::optional<std::string>& target) {
  text("--config", "CONFIG", meaning + ": a file, a shipped one's name, or - for stdin",
       [&target](const std::string& value) { target = value == "-" ? "/dev/stdin" : value; });
}

void Flags::set(std::vector<Override>& overrides) {
  repeated("--set", "KEY=VALUE", "Set a configuration key, over the file",
           [&overrides](const std::string& text) {
             overrides.push_back({"--set", text});
           });
}

void Flags::seed(const std::string& meaning, std::int64_t& target) {
  key("--seed", "N", "seed", meaning, [&target](const Config& config) { target = config.seed; });
}

void Flags::latent_dim(std::optional<std::int64_t>& target) {
  integer("--latent-dim", 1, 65536,
          "Latent size of a TorchScript that is not ours (default: found)", target);
}

void Flags::machine(std::string& device, std::int64_t& threads) {
  key("--device", "DEVICE", "run.device", "auto, cpu, cuda or cuda:N",
      [&device](const Config& config) { device = config.run.device; });
  key("--threads", "N", "run.threads", "CPU threads; 0: as many as it may use",
      [&threads](const Config& config) { threads = config.run.threads; });
}

void Flags::require(const std::string& flag) { app_.get_option(flag)->required(); }

void Flags::exclude(const std::vector<std::pair<std::string, std::string>>& pairs) {
  app_.final_callback([&app = app_, pairs] {
    for (const auto& [one, other] : pairs) {
      refuse(app.count(one) > 0 && app.count(other) > 0,
             fmt::format("{} and {} exclude each other", one, other), "leave one out");
    }
  });
}

void Flags::footer(const std::string& text) { app_.footer(text); }

std::int64_t read_integer(const std::string& flag, const std::string& text, std::int64_t min,
                          std::int64_t max) {
  const auto number = parse_integer(text);
  if (number && *number >= min && *number <= max) return *number;
  throw usage_error(fmt::format("{} must be an integer from {} to {}, not '{}'", flag, min, max,
                                printable(text)));
}

std::vector<std::int64_t> read_numbers(const std::string& flag, const std::string& text) {
  std::vector<std::int64_t> numbers;
  for (const std::string& word : comma_separated(text)) {
    numbers.push_back(parse_integer(word).value_or(-1));
    refuse(numbers.back() < 0 || numbers.back() >= kMaxImages,
           fmt::format("{} must be numbers of images from 0 to {}, such as 3,17,40, not '{}'", flag,
                       kMaxImages - 1, printable(text)),
           "'dcgan sample --numbered' shows them");
  }
  return numbers;
}

std::string require_ending(const std::string& flag, const std::string& text,
                           const std::vector<std::string>& endings) {
  for (const std::string& ending : endings) {
    if (lower_case(text).ends_with(ending)) return text;
  }
  throw usage_error(fmt::format("{} must be a file name that ends in {}, not '{}'", flag,
                                or_list(endings), printable(text)));
}

void refuse(bool wrong, const std::string& problem, const std::string& remedy) {
  if (wrong) throw usage_error(problem).remedy(remedy);
}

}  // namespace dcgan::cli
