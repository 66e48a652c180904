#include "cli/data_options.h"

#include "cli/options.h"
#include "fetch/known_sets.h"

namespace dcgan::cli {
namespace {

void add_path(CLI::App& app, const std::string& name, const std::string& meaning,
              std::string& target) {
  app.add_option(name, target, meaning)->type_name("")->required();
}

void setup_list(CLI::App& data) {
  CLI::App* const app =
      add_command(data, "list", "Show the known sets: size, licence, and where they are already");
  app->footer("Example:\n  dcgan data list");
}

void setup_fetch(CLI::App& data, DataLine& line) {
  CLI::App* const app =
      add_command(data, "fetch", "Download a known set, check its sums and unpack it");
  add_path(*app, "NAME", "The set, as 'dcgan data list' shows it", line.fetch.name);
  add_text(*app, "--to", "DIR", "Where to put it (default: data/NAME)", line.to);
  add_text(*app, "--mirror", "URL", "The folder that has the files, instead of the usual sources",
           line.fetch.mirror);
  add_switch(*app, "--force", "Replace files that are there and are not the published ones",
             line.fetch.force);
  app->footer(
      "A download that was cut goes on where it stopped when the command is run again. Proxies "
      "and\n"
      "certificates: http_proxy, https_proxy, no_proxy, CURL_CA_BUNDLE, SSL_CERT_FILE.\n\n"
      "Examples:\n"
      "  dcgan data fetch fashion-mnist\n"
      "  dcgan data fetch cifar10 --to /data/cifar10 --mirror https://mirror.example.org/cifar");
}

void setup_verify(CLI::App& data, DataLine& line) {
  CLI::App* const app =
      add_command(data, "verify", "Check that a folder's files are whole and can be trained on");
  add_path(*app, "DIR", "The folder with the data", line.verify.path);
  app->footer("Example:\n  dcgan data verify data/mnist");
}

void setup_show(CLI::App& data, DataLine& line) {
  CLI::App* const app =
      add_command(data, "show", "Show the images as training sees them, and what is in the set");
  add_config(*app, "Configuration that names the data", line.show.config);
  add_set(*app, line.show.overrides);
  constexpr std::int64_t kMaxInGrid = 65536;
  add_integer(*app, "-n", 1, kMaxInGrid,
              fmt::format("Number of images (default {})", line.show.count), line.show.count);
  add_text(*app, "--out", "FILE.png", fmt::format("The PNG to write (default {})", line.show.out),
           line.out);
  add_switch(*app, "--json", "Print what is in the set as JSON", line.show.json);
  app->footer(
      "Examples:\n"
      "  dcgan data show --config mnist.yaml\n"
      "  dcgan data show --config cifar10.yaml -n 100 --out cifar10.png");
}

}  // namespace

void setup_data(CLI::App& root, DataLine& line) {
  CLI::App* const data = add_command(root, "data", "Fetch, check and show data sets");
  data->get_formatter()->label("SUBCOMMAND", "COMMAND");
  data->require_subcommand(0, 1);
  setup_list(*data);
  setup_fetch(*data, line);
  setup_verify(*data, line);
  setup_show(*data, line);
}

void check_data_fetch(DataLine& line) {
  if (line.fetch.name.empty()) {
    throw usage_error(
        "data fetch needs the name of a set, as in:\n"
        "dcgan data fetch fashion-mnist");
  }
  find_known_set(line.fetch.name);
  const std::string url = lower_case(line.fetch.mirror.value_or("http://"));
  if (!url.starts_with("http://") && !url.starts_with("https://")) {
    throw usage_error(
        fmt::format("--mirror must be a URL that begins with http:// or https://, not '{}'",
                    printable(*line.fetch.mirror)));
  }
  line.fetch.to = line.to.value_or("data/" + line.fetch.name);
}

void check_data_verify(const DataLine& line) {
  if (!line.verify.path.empty()) return;
  throw usage_error(
      "data verify needs a folder, as in:\n"
      "dcgan data verify data/mnist");
}

void check_data_show(DataLine& line) {
  if (!line.out) return;
  if (!lower_case(*line.out).ends_with(".png")) {
    throw usage_error(
        fmt::format("--out must be a file name that ends in .png, not '{}'", printable(*line.out)));
  }
  line.show.out = *line.out;
}

}  // namespace dcgan::cli
