#include "model/archive.h"

#include <caffe2/serialize/inline_container.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/csrc/jit/serialization/import_read.h>
#include <torch/script.h>

#include <algorithm>
#include <new>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string_view>

#include "base/file.h"
#include "base/gz.h"
#include "base/text.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kDescriptionFile = "dcgan.json";
constexpr const char* kConfigFile = "config.yaml";

constexpr const char* kUseAnother = "use another file";

struct KindNames {
  const char* text;
  const char* type;  ///< the module's in Python
};

constexpr KindNames kKinds[] = {{"generator", "DCGANGenerator"},  // in ArchiveKind's order
                                {"checkpoint", "DCGANCheckpoint"},
                                {"feature network", "DCGANFeatures"}};

const KindNames& names_of(ArchiveKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

std::string format_of(ArchiveKind kind) { return fmt::format("dcgan {}", names_of(kind).text); }

bool is_buffer_name(const std::string& name) {
  return name == "running_mean" || name == "running_var" || name == "mode_bias";
}

/// Over all that an archive says: tensors by name, configuration, numbers and notes.
std::string checksum(const Archive& archive) {
  NamedTensors tensors = archive.tensors;
  std::sort(tensors.begin(), tensors.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::uint32_t crc = 0;
  const Json said{{"numbers", archive.numbers}, {"notes", archive.notes}};
  for (const std::string& text : {archive.config, said.dump()}) {
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
torch::jit::Module build_module(const Archive& archive) {
  const auto unit = std::make_shared<torch::jit::CompilationUnit>();
  const auto make = [&unit](const std::string& type) {
    torch::jit::Module module(c10::QualifiedName("__torch__." + type), unit);
    // What every module of PyTorch has: torch.jit.freeze and people ask for it.
    module.register_attribute("training", c10::BoolType::get(), false);
    return module;
  };
  const std::string root_type = names_of(archive.kind).type;
  const torch::jit::Module root = make(root_type);
  for (const auto& [path, tensor] : archive.tensors) {
    torch::jit::Module module = root;
    std::string type = root_type;
    std::string name = path;
    for (std::size_t dot; (dot = name.find('.')) != std::string::npos; name.erase(0, dot + 1)) {
      const std::string child = name.substr(0, dot);
      type += "_" + child;
      if (!module.hasattr(child)) module.register_module(child, make(type));
      module = module.attr(child).toModule();
    }
    const torch::Tensor value = tensor.detach().to(torch::kCPU).contiguous().clone();
    if (archive.kind != ArchiveKind::checkpoint && !is_buffer_name(name)) {
      module.register_parameter(name, value.requires_grad_(true), /*is_buffer=*/false);
    } else {
      module.register_buffer(name, value);
    }
  }
  return root;
}

using Object = c10::ivalue::Object;

/// Adds the tensors of a module and of those inside it, by dotted names ("3.weight"), layer by
/// layer. Each lies within what its storage holds, which LibTorch doesn't check.
void collect(const Object& module, const std::string& prefix, NamedTensors& tensors) {
  for (const auto& attribute : module.getSlot(0).toGenericDict()) {
    const std::string name = prefix + attribute.key().toStringRef();
    const c10::IValue& value = attribute.value();
    if (value.isTensor()) {
      const torch::Tensor& tensor = value.toTensor();
      TORCH_CHECK(tensor.is_contiguous() && tensor.storage_offset() == 0 &&
                      tensor.nbytes() <= tensor.storage().nbytes(),
                  "a tensor larger than its storage");
      tensors.emplace_back(name, tensor.detach());
    }
    if (value.isObject()) collect(value.toObjectRef(), name + ".", tensors);
  }
}

/// A text beside the module, as torch::jit::load's ExtraFilesMap names them; "" if there is none.
std::string read_extra_file(const std::string& bytes, const std::string& name) {
  std::istringstream stream(bytes);
  caffe2::serialize::PyTorchStreamReader reader(&stream);
  const std::string record = "extra/" + name;
  if (!reader.hasRecord(record)) return "";
  const auto [data, size] = reader.getRecord(record);
  return {static_cast<const char*>(data.get()), size};
}

/// Without compiling the module's code, as torch::jit::load does, and LibTorch's own helpers with
/// it, which takes longer than all the rest of reading a generator.
NamedTensors read_tensors(const std::string& bytes) {
  std::istringstream stream(bytes);
  caffe2::serialize::PyTorchStreamReader reader(&stream);
  const auto unit = std::make_shared<torch::jit::CompilationUnit>();
  const auto resolve = [&unit](const c10::QualifiedName& name) {
    return c10::StrongTypePtr(unit, c10::ClassType::create(name, unit, /*is_module=*/true));
  };
  // A module without its class: its attributes by name, in its one slot.
  const auto load_object = [](const c10::StrongTypePtr& type, c10::IValue attributes) {
    auto object = Object::create(type, /*numSlots=*/1);
    object->setSlot(0, std::move(attributes));
    return object;
  };
  const c10::IValue module = torch::jit::readArchiveAndTensors("data", /*pickle_prefix=*/"",
                                                               /*tensor_prefix=*/"", resolve,
                                                               load_object, torch::kCPU, reader);
  NamedTensors tensors;
  collect(module.toObjectRef(), "", tensors);
  return tensors;
}

Error not_an_archive(const std::string& problem) {
  return damaged(problem).remedy(
      "expected a g.pt, a checkpoint or a feature network of dcgan, or another TorchScript "
      "(torch.jit.save)");
}

/// For bytes that LibTorch refuses: its own text is a backtrace; what it comes to is one of these.
Error refusal(const std::exception& error, const std::string& bytes) {
  // For a whole file on a machine with too little memory, or a damaged one that claims to be larger
  // than it is.
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
      std::string_view(error.what()).find("can't allocate memory") != std::string_view::npos) {
    return failure("too little memory to read it, or it is damaged")
        .remedy("end other programs, or use another file");
  }
  if (bytes.find("constants.pkl") == std::string::npos &&
      bytes.find("data.pkl") != std::string::npos) {
    return not_an_archive("a file of torch.save (a state dict?), not of torch.jit.save");
  }
  return not_an_archive("the archive is truncated or damaged");
}

/// `read`'s result for `bytes`; what LibTorch throws on the way, as an error of ours.
template <class Read>
auto read_checked(const std::string& bytes, const std::filesystem::path& path, Read read) {
  if (bytes.empty()) throw not_an_archive("the file is empty").in(path);
  if (!bytes.starts_with("PK\x03\x04")) {
    throw not_an_archive("not a TorchScript archive").in(path);
  }
  try {
    return read(bytes);
  } catch (const std::exception& error) {
    throw refusal(error, bytes).in(path);
  }
}

/// What dcgan.json says.
struct Description {
  std::string format;
  std::int64_t version = 0;
  std::string crc32;
  std::map<std::string, std::int64_t> numbers;
  std::map<std::string, std::string> notes;
};

/// Nothing for a file that is not ours.
std::optional<Description> read_description(const std::string& bytes,
                                            const std::filesystem::path& path) {
  const std::string text = read_checked(
      bytes, path, [](const std::string& some) { return read_extra_file(some, kDescriptionFile); });
  if (text.empty()) return std::nullopt;
  try {
    const Json json = Json::parse(text);
    Description description;
    json.at("format").get_to(description.format);
    json.at("format_version").get_to(description.version);
    json.at("crc32").get_to(description.crc32);
    json.at("numbers").get_to(description.numbers);
    json.at("notes").get_to(description.notes);
    return description;
  } catch (const Json::exception&) {
    throw damaged(fmt::format("its {} is damaged", kDescriptionFile)).in(path).remedy(kUseAnother);
  }
}

void check_kind(const Description& description, ArchiveKind kind,
                const std::filesystem::path& path) {
  if (description.format != format_of(kind)) {
    throw failure(
        fmt::format("a {}, where a {} is needed", printable(description.format), format_of(kind)))
        .in(path);
  }
  if (description.version != kArchiveFormatVersion) {
    throw failure(fmt::format("{} format version {}; this program reads version {}",
                              names_of(kind).text, description.version, kArchiveFormatVersion))
        .in(path)
        .remedy("use the dcgan that wrote it, or train again");
  }
}

}  // namespace

void write_archive(const std::filesystem::path& path, const Archive& archive) {
  torch::jit::Module module = build_module(archive);
  if (archive.kind == ArchiveKind::generator) {  // torch.jit.load("g.pt").latent_dim
    for (const auto& [name, value] : archive.numbers) {
      module.register_attribute(name, c10::IntType::get(), value);
    }
  }
  if (!archive.forward.empty()) module.define(archive.forward);
  module.eval();
  const Json json{{"format", format_of(archive.kind)},
                  {"format_version", kArchiveFormatVersion},
                  {"crc32", checksum(archive)},
                  {"numbers", archive.numbers},
                  {"notes", archive.notes}};
  std::ostringstream stream;
  module.save(stream, {{kDescriptionFile, json.dump(2) + "\n"}, {kConfigFile, archive.config}});
  write_file_atomically(path, stream.str());
}

std::optional<ArchiveKind> identify(const std::string& bytes, const std::filesystem::path& path) {
  const auto description = read_description(bytes, path);
  if (!description) {  // that it is a TorchScript shows only so
    read_checked(bytes, path, [](const std::string& some) {
      std::istringstream stream(some);
      torch::jit::load(stream, torch::Device(torch::kCPU));
      return true;
    });
    return std::nullopt;
  }
  ArchiveKind kind = ArchiveKind::checkpoint;
  for (const ArchiveKind other : {ArchiveKind::generator, ArchiveKind::features}) {
    if (description->format == format_of(other)) kind = other;
  }
  check_kind(*description, kind, path);
  return kind;
}

Archive read_archive(const std::filesystem::path& path, ArchiveKind kind) {
  return parse_archive(read_file(path), path, kind);
}

Archive parse_archive(const std::string& bytes, const std::filesystem::path& path,
                      ArchiveKind kind) {
  const auto description = read_description(bytes, path);
  if (!description) {
    throw failure(fmt::format("a TorchScript that dcgan did not write, where a {} is needed",
                              format_of(kind)))
        .in(path);
  }
  check_kind(*description, kind, path);
  Archive archive{kind, {}, "", description->numbers, description->notes, ""};
  archive.config = read_checked(
      bytes, path, [](const std::string& some) { return read_extra_file(some, kConfigFile); });
  archive.tensors = read_checked(bytes, path, read_tensors);
  if (checksum(archive) != description->crc32) {
    throw damaged("damaged: its content does not match its checksum").in(path).remedy(kUseAnother);
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
  const auto refuse = [&](const char* problem) {
    return failure(fmt::format("tensor '{}' {}", name, problem)).in(path).remedy(kUseAnother);
  };
  for (const auto& [found, tensor] : archive.tensors) {
    if (found != name) continue;
    if (tensor.sizes() == sizes && tensor.scalar_type() == torch::kFloat32) return tensor;
    throw refuse("has another size or type than its configuration says");
  }
  throw refuse("is missing");
}

void copy_tensors(const Archive& archive, const std::string& prefix, const NamedTensors& targets,
                  const std::filesystem::path& path) {
  const torch::NoGradGuard no_grad;
  std::set<std::string> expected;
  for (const auto& [name, target] : targets) {
    torch::Tensor destination = target;
    destination.copy_(find_tensor(archive, prefix + name, target.sizes(), path));
    expected.insert(prefix + name);
  }
  for (const auto& [name, tensor] : archive.tensors) {
    if (!name.starts_with(prefix) || expected.contains(name)) continue;
    throw failure(fmt::format("tensor '{}' is not part of its configuration's network", name))
        .in(path)
        .remedy(kUseAnother);
  }
}

}  // namespace dcgan
