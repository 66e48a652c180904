// Exported pages, opened in a browser that has no network.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "config/fields.h"
#include "export/export.h"
#include "export/writers.h"
#include "generate/generator_file.h"
#include "runtime/random.h"
#include "support/browser.h"
#include "support/expect_error.h"
#include "support/small_state.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using ::testing::AllOf;
using testing::caught;
using ::testing::HasSubstr;
using testing::IsError;
using ::testing::Not;
using testing::ProgramResult;
using testing::small_config;
using testing::small_trained_state;
using testing::TempFolder;

constexpr std::int64_t kImages = 3;

ExportedNetwork exported(const Network& generator, const Config& config,
                         const std::vector<std::string>& classes = {}) {
  ExportedNetwork network{plan_of(generator), {}, config, 3, classes};
  for (const auto& [name, tensor] : named_tensors(generator)) {
    const torch::Tensor numbers = tensor.detach().contiguous();
    const float* const first = numbers.data_ptr<float>();
    network.arrays.push_back({name, numbers.sizes().vec(), {first, first + numbers.numel()}});
  }
  return network;
}

/// The text of the element <pre id="..."> in a page.
std::string text_of(const std::string& page, const std::string& id) {
  const std::string open = "<pre id=\"" + id + "\">";
  const std::size_t first = page.rfind(open);
  if (first == std::string::npos) return "";
  const std::size_t begin = first + open.size();
  return page.substr(begin, page.find("</pre>", begin) - begin);
}

class HtmlPage : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!browser_) GTEST_SKIP() << "no Chromium was found";
  }

  /// The page as the browser has it after its scripts. It must report nothing on its console.
  std::string open(const std::string& name) const {
    const ProgramResult result = browser_.open(folder_ / name, 60'000);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.err, Not(HasSubstr("CONSOLE"))) << result.err;
    return result.out;
  }

  /// The next page: its images of kImages latents must be `wanted`, uint8 [N, C, H, W].
  void add(const std::string& name, const std::string& page, const torch::Tensor& latents,
           const torch::Tensor& wanted) {
    std::string script = "<script>for (const z of [";
    for (std::int64_t i = 0; i < kImages; ++i) {
      const float* const row = latents[i].data_ptr<float>();
      script += fmt::format("[{}],", fmt::join(row, row + latents.size(1), ","));
    }
    script += "]) parent.postMessage([" + std::to_string(cases_.size()) +
              ", [...dcgan.generate(Float32Array.from(z))]], '*')</script>";
    write_file_atomically(folder_ / fmt::format("{}.html", cases_.size()), page + script,
                          Flush::no);
    cases_.push_back({name, wanted.permute({0, 2, 3, 1}).expand({-1, -1, -1, 3}).contiguous()});
  }
  void add(const std::string& name, const Network& generator, const Config& config) {
    const torch::Tensor latents =
        normal_rows(5, Purpose::sample_latents, 0, kImages, config.model.latent_dim);
    add(name, to_html(exported(generator, config)), latents,
        generate_images(generator, latents, config.output));
  }

  void expect_pages_to_draw_what_we_draw() const {
    std::string all =
        "<pre id=images>[]</pre><script>const images = [];"
        "onmessage = ({data: [page, image]}) => { (images[page] = images[page] || []).push(image);"
        "document.getElementById('images').textContent = JSON.stringify(images); }"
        "</script>";
    for (std::size_t i = 0; i < cases_.size(); ++i) {
      all += fmt::format("<iframe src={}.html></iframe>", i);
    }
    write_file_atomically(folder_ / "all.html", all, Flush::no);
    const auto drawn = nlohmann::json::parse(text_of(open("all.html"), "images"));
    ASSERT_EQ(drawn.size(), cases_.size());
    for (std::size_t i = 0; i < cases_.size(); ++i) {
      ASSERT_EQ(drawn[i].size(), static_cast<std::size_t>(kImages)) << cases_[i].name;
      expect_near(drawn[i], cases_[i]);
    }
  }

  TempFolder folder_;
  const testing::Browser browser_;

 private:
  struct Case {
    std::string name;
    torch::Tensor wanted;  ///< uint8 [N, H, W, 3]
  };

  static void expect_near(const nlohmann::json& drawn, const Case& wanted) {
    const std::int64_t each = wanted.wanted.numel() / kImages / 3;  // pixels
    int furthest = 0;
    for (std::int64_t n = 0; n < kImages; ++n) {
      const auto& image = drawn[static_cast<std::size_t>(n)];  // RGBA
      ASSERT_EQ(static_cast<std::int64_t>(image.size()), each * 4) << wanted.name;
      for (std::int64_t i = 0; i < each * 3; ++i) {
        const int there = image[static_cast<std::size_t>(i / 3 * 4 + i % 3)].get<int>();
        const int ours = wanted.wanted.data_ptr<std::uint8_t>()[n * each * 3 + i];
        furthest = std::max(furthest, std::abs(there - ours));
      }
    }
    EXPECT_LE(furthest, 2) << wanted.name;
    EXPECT_GT(wanted.wanted.max().item<int>(), wanted.wanted.min().item<int>() + 30) << wanted.name;
  }

  std::vector<Case> cases_;
};

TEST_F(HtmlPage, KnowsEveryNonlinearity) {
  const Config config = small_config();
  for (std::size_t i = 0; i < kNonlinearityForms.size(); ++i) {
    NetworkPlan plan = plan_generator(config);
    Config changed = config;
    for (LayerPlan& layer : plan.layers) {
      const auto nonlinearity = static_cast<Nonlinearity>(i);
      // Hidden layers end in no sigmoid: its result is scaled, as an image's.
      if (nonlinearity == Nonlinearity::sigmoid && &layer != &plan.layers.back()) continue;
      layer.nonlinearity = nonlinearity;
      layer.slope = 0.7;
      if (nonlinearity == Nonlinearity::sigmoid) changed.output = OutputRange::sigmoid;
    }
    Network generator = make_network(plan, torch::kCPU);
    for (const auto& [name, tensor] : named_tensors(generator)) {
      torch::Tensor numbers = tensor.detach();
      numbers.copy_(
          normal_rows(1, Purpose::generator_init, static_cast<std::int64_t>(i), 1, numbers.numel())
              .view(numbers.sizes())
              .mul(0.9));
      if (name.ends_with("running_var")) numbers.square_().add_(0.5);
    }
    add(kNonlinearityForms.at(i).name, generator, changed);
  }
  expect_pages_to_draw_what_we_draw();
}

TEST_F(HtmlPage, DrawsTheImagesOfEveryKindOfGenerator) {
  const auto add_trained = [&](const std::string& name, const auto& change) {
    Config config = small_config();
    config.model.latent_dim = 12;
    config.model.init_deviation = 0.3;
    change(config);
    add(name, small_trained_state(config).generator, config);
  };
  add_trained("28 x 28", [](Config& config) { config.data.image_size = {28, 28}; });
  add_trained("not square, in colour, sigmoid", [](Config& config) {
    config.data.image_size = {12, 21};
    config.data.channels = 3;
    config.output = OutputRange::sigmoid;
  });
  add_trained("modes and classes", [](Config& config) {
    config.model.latent_modes = 6;
    config.model.classes = 3;
    config.generator.extra_layers = 1;
  });
  add_trained("modes alone, no BatchNorm", [](Config& config) {
    config.model.latent_modes = 12;
    config.generator.norm = Norm::none;
    config.generator.activation = Activation::gelu;
  });
  add_trained("64 x 64", [](Config& config) {
    config.data.image_size = {64, 64};
    config.model.base_channels = 8;
    config.data.channels = 3;
  });
  add_trained("layer norm, nearest", [](Config& config) {
    config.generator.norm = Norm::layer;
    config.model.upsampling = Upsampling::nearest;
    config.data.image_size = {21, 13};
  });
  add_trained("instance norm, bilinear", [](Config& config) {
    config.generator.norm = Norm::instance;
    config.model.upsampling = Upsampling::bilinear;
    config.model.base_channels = 5;
    config.generator.extra_layers = 1;
    config.data.image_size = {13, 20};
    config.data.channels = 3;
  });
  add_trained("spectral norm", [](Config& config) { config.generator.norm = Norm::spectral; });
  add_trained("BatchNorm in all layers",
              [](Config& config) { config.generator.norm = Norm::batch_all; });
  for (const Norm norm : {Norm::batch, Norm::none, Norm::layer}) {
    add_trained("dense, norm " + to_string(norm), [&](Config& config) {
      config.model.kind = ModelKind::dense;
      config.model.dense_widths = {10, 15};
      config.data.image_size = {8, 11};
      config.data.channels = 3;
      config.generator.norm = norm;
      config.generator.activation = Activation::swish;
    });
  }
  expect_pages_to_draw_what_we_draw();
}

TEST_F(HtmlPage, IsUsedWithMouseAndKeysAndDrawsTheLatentsOfSample) {
  Config config = small_config();
  config.model.latent_dim = 12;
  config.model.latent_modes = 4;
  config.model.classes = 2;
  const Network generator = small_trained_state(config).generator;
  write_file_atomically(
      folder_ / "page.html",
      to_html(exported(generator, config, {"</script><b>bold</b>", "{{plan}} & \"b\""})) +
          "<script>" + read_file(DCGAN_SOURCE_DIR "/tests/export/page_actions.js") + "</script>");
  const std::string page = open("page.html");
  auto answers = nlohmann::json::parse(text_of(page, "answers"));
  const auto latents = answers["latents"].get<std::vector<float>>();
  answers.erase("latents");
  const nlohmann::json wanted{
      {"first", true},
      {"worker", true},
      {"another", true},
      {"chosen", 1},
      {"slider", true},
      {"variation", true},
      {"refused", {true, true, true, true}},
      {"taken", true},
      {"width", "an image has 12 latents, not 2"},
      {"walk", true},
      {"classes", {"any", "&lt;/script&gt;&lt;b&gt;bold&lt;/b&gt;", "{{plan}} &amp; \"b\""}}};
  EXPECT_EQ(answers, wanted);
  EXPECT_TRUE(torch::allclose(torch::tensor(latents),
                              normal_rows(7, Purpose::sample_latents, 3, 1, 12)[0], 1e-6, 1e-7));
}

TEST(Html, AsksForNothingAndIsNotMuchLargerThanItsWeights) {
  for (const char* name : {"mnist", "avatars", "smoke", "dense"}) {
    const Config config = load_config(fmt::format("{}/configs/{}.yaml", DCGAN_SOURCE_DIR, name));
    const Network generator = make_network(plan_generator(config), torch::kCPU);
    const std::string page = to_html(exported(generator, config));
    std::int64_t weights = 0;
    for (const torch::Tensor& tensor : parameters(generator)) weights += tensor.numel();
    constexpr double kCode = 40'000;
    EXPECT_LE(static_cast<double>(page.size()), 1.5 * 2.0 * static_cast<double>(weights) + kCode);
    EXPECT_THAT(page, AllOf(Not(HasSubstr("http://")), Not(HasSubstr("https://")),
                            Not(HasSubstr("@import")), HasSubstr("default-src 'none'")));
  }
}

TEST(Html, RefusesWeightsThatFloat16CannotHold) {
  const TempFolder folder;
  Network generator = small_trained_state().generator;
  const torch::NoGradGuard no_grad;
  generator.layers.back().weight.mul_(1e9);
  save_generator(folder / "g.pt", generator, small_config(), 3);
  EXPECT_THAT(caught([&] { export_network(folder / "g.pt", folder / "page.html", {}); }),
              IsError(ErrorKind::failure, folder / "g.pt", HasSubstr("too large for"),
                      HasSubstr("another checkpoint")));
  EXPECT_FALSE(std::filesystem::exists(folder / "page.html"));
}

}  // namespace
}  // namespace dcgan
