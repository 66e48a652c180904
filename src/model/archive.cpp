#include "model/archive.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/script.h>

#include <algorithm>
#include <new>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>

#include "base/file.h"
#include "base/gz.h"
#include "base/text.h"
#include "dcgan/error.h"
#include "model/archive_reader.h"

namespace dcgan {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kDescriptionFile = "dcgan.json";
constexpr const char* kConfigFile = "config.yaml";

std::string to_string(ArchiveKind kind) {
  switch (kind) {
    case ArchiveKind::generator:
      return "generator";
    case ArchiveKind::checkpoint:
      return "checkpoint";
    case ArchiveKind::features:
      return "feature network";
  }
  return "";
}

/// The module's type in Python.
std::string type_name_of(ArchiveKind kind) {
  switch (kind) {
    case ArchiveKind::generator:
      return "DCGANGenerator";
    case ArchiveKind::checkpoint:
      return "DCGANCheckpoint";
    case ArchiveKind::features:
      return "DCGANFeatures";
  }
  return "";
}

bool is_buffer_name(const std::string& name) {
  return name == "running_mean" || name == "running_var" || name == "mode_bias";
}

std::string dump(const Archive& archive) {
  return Json{{"numbers", archive.numbers}, {"notes", archive.notes}}.dump();
}

/// Over all that an archive says: tensors by name, configuration, numbers and notes.
std::string checksum(const Archive& archive) {
  NamedTensors tensors = archive.tensors;
  std::sort(tensors.begin(), tensors.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::uint32_t crc = 0;
  for (const std::string& text : {archive.config, dump(archive)}) {
    crc = crc32_of(text.data(), text.size(), crc);
  }
  for (const auto& [name, tensor] : tensors) {
    const torch::Tensor bytes = tensor.detach().to(torch::kCPU).contiguous();
    crc = crc32_of(name.data(), name.size(), crc);
    crc = crc32_of(bytes.data_ptr(), bytes.nbytes(), crc);
  }
  return fmt::format("{:08x}", crc);
}

/// Nested modules from dotted names: "a.b.c" is tensor c of module b of module a.
torch::jit::Module build_module(const std::string& type_name, const NamedTensors& tensors,
                                bool trainable,
                                const std::shared_ptr<torch::jit::CompilationUnit>& unit) {
  torch::jit::Module module(c10::QualifiedName("__torch__." + type_name), unit);
  std::vector<std::pair<std::string, NamedTensors>> children;  // in order of first appearance
  for (const auto& [name, tensor] : tensors) {
    const std::size_t dot = name.find('.');
    if (dot == std::string::npos) {
      const torch::Tensor value = tensor.detach().to(torch::kCPU).contiguous().clone();
      if (trainable && !is_buffer_name(name)) {
        module.register_parameter(name, value.requires_grad_(true), /*is_buffer=*/false);
      } else {
        module.register_buffer(name, value);
      }
      continue;
    }
    const std::string child = name.substr(0, dot);
    auto found = std::find_if(children.begin(), children.end(),
                              [&child](const auto& entry) { return entry.first == child; });
    if (found == children.end()) found = children.insert(children.end(), {child, {}});
    found->second.emplace_back(name.substr(dot + 1), tensor);
  }
  // What every module of PyTorch has: torch.jit.freeze and people ask for it.
  module.register_attribute("training", c10::BoolType::get(), false);
  for (const auto& [child, inner] : children) {
    module.register_module(child, build_module(type_name + "_" + child, inner, trainable, unit));
  }
  return module;
}

Error not_an_archive(const std::filesystem::path& path, const std::string& what) {
  return damaged(
      fmt::format("{}: {}\nexpected a g.pt, a checkpoint or a feature network of dcgan, or another "
                  "TorchScript (torch.jit.save)",
                  path.string(), what));
}

void check_begins_as_archive(const std::string& bytes, const std::filesystem::path& path) {
  if (bytes.empty()) throw not_an_archive(path, "the file is empty");
  if (bytes.compare(0, 4, std::string("PK\x03\x04")) != 0) {
    throw not_an_archive(path, "not a TorchScript archive");
  }
}

/// Whether LibTorch wanted more memory than there is: for a whole file on a machine with too
/// little, or for a damaged one that claims to be larger than it is.
bool lacks_memory(const std::exception& error) {
  return dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
         std::string_view(error.what()).find("can't allocate memory") != std::string_view::npos;
}

/// For bytes that LibTorch refuses: its own text is a backtrace; what it comes to is one of these
/// three.
Error refused_archive(const std::exception& error, const std::string& bytes,
                      const std::filesystem::path& path) {
  if (lacks_memory(error)) {
    return failure(
        fmt::format("{}: too little memory to read it, or it is damaged\nend other programs, or "
                    "use another file",
                    path.string()));
  }
  if (bytes.find("constants.pkl") == std::string::npos &&
      bytes.find("data.pkl") != std::string::npos) {
    return not_an_archive(path, "a file of torch.save (a state dict?), not of torch.jit.save");
  }
  return not_an_archive(path, "the archive is truncated or damaged");
}

/// `use`'s result; what LibTorch throws on the way, as damaged_archive.
template <class Use>
auto with_reader(const std::string& bytes, const std::filesystem::path& path, Use use) {
  check_begins_as_archive(bytes, path);
  try {
    ArchiveReader reader(bytes);
    return use(reader);
  } catch (const std::exception& error) {
    throw refused_archive(error, bytes, path);
  }
}

/// dcgan.json, or "" for a file that is not ours.
std::string read_description(const std::string& bytes, const std::filesystem::path& path) {
  return with_reader(bytes, path,
                     [](ArchiveReader& reader) { return reader.extra_file(kDescriptionFile); });
}

/// Whether LibTorch loads it; a file that is not ours shows only so that it is a TorchScript.
void check_loads(const std::string& bytes, const std::filesystem::path& path) {
  std::istringstream stream(bytes);
  try {
    torch::jit::load(stream, torch::Device(torch::kCPU));
  } catch (const std::exception& error) {
    throw refused_archive(error, bytes, path);
  }
}

Json parse_description(const std::string& text, const std::filesystem::path& path) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const bool complete =
      json.is_object() && json.contains("format") && json["format"].is_string() &&
      json.contains("format_version") && json["format_version"].is_number_integer() &&
      json.contains("crc32") && json["crc32"].is_string() && json.contains("numbers") &&
      json["numbers"].is_object() && json.contains("notes") && json["notes"].is_object();
  if (!complete) {
    throw damaged(
        fmt::format("{}: its {} is damaged; use another file", path.string(), kDescriptionFile));
  }
  return json;
}

void check_kind(const Json& json, ArchiveKind kind, const std::filesystem::path& path) {
  const std::string wanted = "dcgan " + to_string(kind);
  const std::string found = printable(json["format"].get<std::string>());
  if (found != wanted) {
    throw failure(fmt::format("{}: a {}, where a {} is needed", path.string(), found, wanted));
  }
  const auto version = json["format_version"].get<std::int64_t>();
  if (version != kArchiveFormatVersion) {
    throw failure(fmt::format(
        "{}: {} format version {}; this program reads version {}\nuse the dcgan that wrote it, or "
        "train again",
        path.string(), to_string(kind), version, kArchiveFormatVersion));
  }
}

}  // namespace

void write_archive(const std::filesystem::path& path, const Archive& archive) {
  auto unit = std::make_shared<torch::jit::CompilationUnit>();
  const bool trainable = archive.kind != ArchiveKind::checkpoint;
  torch::jit::Module module =
      build_module(type_name_of(archive.kind), archive.tensors, trainable, unit);
  if (archive.kind == ArchiveKind::generator) {  // torch.jit.load("g.pt").latent_dim
    for (const auto& [name, value] : archive.numbers) {
      module.register_attribute(name, c10::IntType::get(), value);
    }
  }
  if (!archive.forward.empty()) module.define(archive.forward);
  module.eval();
  Json json;
  json["format"] = "dcgan " + to_string(archive.kind);
  json["format_version"] = kArchiveFormatVersion;
  json["crc32"] = checksum(archive);
  json["numbers"] = archive.numbers;
  json["notes"] = archive.notes;
  const torch::jit::ExtraFilesMap extra{{kDescriptionFile, json.dump(2) + "\n"},
                                        {kConfigFile, archive.config}};
  std::ostringstream stream;
  module.save(stream, extra);
  write_file_atomically(path, stream.str());
}

FileKind identify(const std::string& bytes, const std::filesystem::path& path) {
  const std::string description = read_description(bytes, path);
  if (description.empty()) {
    check_loads(bytes, path);
    return FileKind::foreign_torchscript;
  }
  const Json json = parse_description(description, path);
  for (const auto& [kind, file_kind] : {std::pair{ArchiveKind::generator, FileKind::generator},
                                        std::pair{ArchiveKind::features, FileKind::features}}) {
    if (json["format"] != "dcgan " + to_string(kind)) continue;
    check_kind(json, kind, path);
    return file_kind;
  }
  check_kind(json, ArchiveKind::checkpoint, path);
  return FileKind::checkpoint;
}

Archive read_archive(const std::filesystem::path& path, ArchiveKind kind) {
  return parse_archive(read_file(path), path, kind);
}

Archive parse_archive(const std::string& bytes, const std::filesystem::path& path,
                      ArchiveKind kind) {
  const std::string description = read_description(bytes, path);
  if (description.empty()) {
    throw failure(
        fmt::format("{}: a TorchScript that dcgan did not write, where a dcgan {} is "
                    "needed",
                    path.string(), to_string(kind)));
  }
  const Json json = parse_description(description, path);
  check_kind(json, kind, path);
  Archive archive;
  archive.kind = kind;
  with_reader(bytes, path, [&archive](ArchiveReader& reader) {
    archive.config = reader.extra_file(kConfigFile);
    archive.tensors = reader.tensors();
  });
  for (const auto& [key, value] : json["numbers"].items()) {
    if (value.is_number_integer()) archive.numbers[key] = value.get<std::int64_t>();
  }
  for (const auto& [key, value] : json["notes"].items()) {
    if (value.is_string()) archive.notes[key] = value.get<std::string>();
  }
  if (checksum(archive) != json["crc32"].get<std::string>()) {
    throw damaged(fmt::format(
        "{}: damaged: its content does not match its checksum; use another file", path.string()));
  }
  return archive;
}

void note_class_names(Archive& archive, const std::vector<std::string>& names, std::int64_t count) {
  if (names.empty()) return;
  std::vector<std::string> lines;
  for (std::int64_t i = 0; i < count; ++i) {
    lines.push_back(printable(class_name(names, static_cast<std::size_t>(i))));
  }
  archive.notes["class_names"] = fmt::format("{}", fmt::join(lines, "\n"));
}

std::vector<std::string> noted_class_names(const Archive& archive, std::int64_t count) {
  const auto note = archive.notes.find("class_names");
  if (note == archive.notes.end()) return {};
  std::vector<std::string> names;
  std::istringstream lines(note->second);
  for (std::string line; std::getline(lines, line);) names.push_back(line);
  return names.size() == static_cast<std::size_t>(count) ? names : std::vector<std::string>();
}

torch::Tensor find_tensor(const Archive& archive, const std::string& name, at::IntArrayRef sizes,
                          const std::filesystem::path& path) {
  for (const auto& [found, tensor] : archive.tensors) {
    if (found != name) continue;
    if (tensor.sizes() != sizes || tensor.scalar_type() != torch::kFloat32) {
      throw failure(
          fmt::format("{}: tensor '{}' has another size or type than its configuration "
                      "says; use another file",
                      path.string(), name));
    }
    return tensor;
  }
  throw failure(fmt::format("{}: tensor '{}' is missing; use another file", path.string(), name));
}

void copy_tensors(const Archive& archive, const std::string& prefix, const NamedTensors& targets,
                  const std::filesystem::path& path) {
  const torch::NoGradGuard no_grad;
  for (const auto& [name, target] : targets) {
    torch::Tensor destination = target;
    destination.copy_(find_tensor(archive, prefix + name, target.sizes(), path));
  }
  for (const auto& [found, tensor] : archive.tensors) {
    if (found.compare(0, prefix.size(), prefix) != 0) continue;
    const std::string name = found.substr(prefix.size());
    const bool expected = std::any_of(targets.begin(), targets.end(),
                                      [&](const auto& target) { return target.first == name; });
    if (!expected) {
      throw failure(
          fmt::format("{}: tensor '{}' is not part of its configuration's network; use "
                      "another file",
                      path.string(), found));
    }
  }
}

}  // namespace dcgan
