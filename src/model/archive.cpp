#include "model/archive.h"

#include <caffe2/serialize/inline_container.h>
#include <fmt/format.h>
#include <torch/csrc/jit/serialization/import_read.h>
#include <torch/script.h>

#include <algorithm>
#include <new>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>

#include "base/file.h"
#include "base/gz.h"
#include "base/json.h"
#include "base/text.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kDescriptionFile = "dcgan.json";
constexpr const char* kConfigFile = "config.yaml";

constexpr const char* kUseAnother = "use another file";

struct KindNames {
  const char* format;  ///< in dcgan.json
  const char* type;    ///< the module's in Python
};

constexpr KindNames kKinds[] = {{"dcgan generator", "DCGANGenerator"},  // in ArchiveKind's order
                                {"dcgan checkpoint", "DCGANCheckpoint"},
                                {"dcgan feature network", "DCGANFeatures"},
                                {"dcgan snapshot of averages", "DCGANAverages"}};

const KindNames& names_of(ArchiveKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

bool is_buffer_name(const std::string& name) {
  return name == "running_mean" || name == "running_var" || name == "mode_bias" ||
         name == "spectral_u";
}

/// Over all that an archive says: tensors by name, configuration, numbers and notes.
std::string checksum(const Archive& archive) {
  NamedTensors tensors = archive.tensors;
  std::sort(tensors.begin(), tensors.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::uint32_t crc = 0;
  const Json said{{"numbers", archive.numbers}, {"notes", archive.notes}};
  for (const std::string& text : {archive.config, json_text(said)}) {
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
    const bool is_network =
        archive.kind == ArchiveKind::generator || archive.kind == ArchiveKind::features;
    if (is_network && !is_buffer_name(name)) {
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

using Reader = caffe2::serialize::PyTorchStreamReader;

/// A text beside the module, as torch::jit::load's ExtraFilesMap names them; "" if there is none.
std::string read_extra_file(Reader& reader, const std::string& name) {
  const std::string record = "extra/" + name;
  if (!reader.hasRecord(record)) return "";
  const auto [data, size] = reader.getRecord(record);
  return {static_cast<const char*>(data.get()), size};
}

/// Without compiling the module's code, as torch::jit::load does, and LibTorch's own helpers with
/// it, which takes longer than all the rest of reading a generator.
NamedTensors read_tensors(Reader& reader) {
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

/// A whole zip of torch.save, or safetensors: by the names in its directory, or its header.
bool is_state_dict(const std::string& bytes) {
  const auto has = [&](const char* text) { return bytes.find(text) != std::string::npos; };
  return bytes.starts_with("PK") ? has("PK\5\6") && has("/data.pkl") && !has("/constants.pkl")
                                 : bytes.substr(0, 9).ends_with('{') && has("\"data_offsets\"");
}

ArchiveKind read_kind(const Json& description) {
  const auto format = description.at("format").get<std::string>();
  const auto version = description.at("format_version").get<std::int64_t>();
  for (const auto kind : {ArchiveKind::generator, ArchiveKind::checkpoint, ArchiveKind::features,
                          ArchiveKind::averages}) {
    if (format == names_of(kind).format && version == kArchiveFormatVersion) return kind;
  }
  throw failure(fmt::format("{} format version {}; this program reads version {}",
                            printable(format), version, kArchiveFormatVersion))
      .remedy("use the dcgan that wrote it, or train again");
}

}  // namespace

const char* format_of(ArchiveKind kind) { return names_of(kind).format; }

void write_archive(const std::filesystem::path& path, const Archive& archive) {
  torch::jit::Module module = build_module(archive);
  if (archive.kind == ArchiveKind::generator) {  // torch.jit.load("g.pt").latent_dim
    for (const auto& [name, value] : archive.numbers) {
      module.register_attribute(name, c10::IntType::get(), value);
    }
  }
  if (!archive.forward.empty()) module.define(archive.forward);
  module.eval();
  const Json json{{"format", names_of(archive.kind).format},
                  {"format_version", kArchiveFormatVersion},
                  {"crc32", checksum(archive)},
                  {"numbers", archive.numbers},
                  {"notes", archive.notes}};
  std::ostringstream stream;
  module.save(stream,
              {{kDescriptionFile, json_text(json, 2) + "\n"}, {kConfigFile, archive.config}});
  write_file_atomically(path, stream.str());
}

std::optional<Archive> parse_archive(const std::string& bytes, const std::filesystem::path& path) {
  Archive archive;
  std::string written;
  try {
    std::istringstream stream(bytes);
    Reader reader(&stream);
    const std::string text = read_extra_file(reader, kDescriptionFile);
    if (text.empty()) return std::nullopt;
    const Json description = Json::parse(text);
    archive.kind = read_kind(description);
    description.at("crc32").get_to(written);
    description.at("numbers").get_to(archive.numbers);
    description.at("notes").get_to(archive.notes);
    archive.config = read_extra_file(reader, kConfigFile);
    archive.tensors = read_tensors(reader);
  } catch (Error& error) {
    throw error.in(path);
  } catch (const std::exception& error) {
    throw unreadable_archive(error, bytes, path);
  }
  if (checksum(archive) == written) return archive;
  throw damaged("damaged: its content does not match its checksum").in(path).remedy(kUseAnother);
}

Archive read_archive(const std::filesystem::path& path, ArchiveKind kind) {
  std::optional<Archive> archive = parse_archive(read_file(path), path);
  if (archive && archive->kind == kind) return std::move(*archive);
  throw failure(
      fmt::format("a {}, where a {} is needed",
                  archive ? format_of(archive->kind) : "TorchScript that dcgan did not write",
                  names_of(kind).format))
      .in(path);
}

Error unreadable_archive(const std::exception& error, const std::string& bytes,
                         const std::filesystem::path& path) {
  // A whole file on a machine with too little memory must not be called damaged.
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
      std::string_view(error.what()).find("can't allocate memory") != std::string_view::npos) {
    throw;
  }
  if (is_state_dict(bytes)) {
    return failure("a state_dict, not a TorchScript archive")
        .in(path)
        .remedy("make a g.pt of it: dcgan import --from FILE --to g.pt");
  }
  return damaged(bytes.starts_with("PK") ? "the archive is truncated or damaged"
                                         : "not a TorchScript archive")
      .in(path)
      .remedy(
          "expected a g.pt, a checkpoint or a feature network of dcgan, or another TorchScript "
          "(torch.jit.save)");
}

void note_class_names(Archive& archive, const std::vector<std::string>& names, std::int64_t count) {
  if (names.empty()) return;
  std::string& note = archive.notes["class_names"];
  for (std::int64_t i = 0; i < count; ++i) {
    if (i > 0) note += '\n';
    note += printable(class_name(names, static_cast<std::size_t>(i)));
  }
}

std::vector<std::string> noted_class_names(const Archive& archive) {
  const auto note = archive.notes.find("class_names");
  std::istringstream lines(note == archive.notes.end() ? "" : note->second);
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);) names.push_back(line);
  return names;
}

torch::Tensor find_tensor(const Archive& archive, const std::string& name, at::IntArrayRef sizes,
                          const std::filesystem::path& path) {
  for (const auto& [found, tensor] : archive.tensors) {
    if (found == name && tensor.sizes() == sizes && tensor.scalar_type() == torch::kFloat32) {
      return tensor;
    }
  }
  throw failure(
      fmt::format("tensor '{}' has another size than its configuration says, or is missing", name))
      .in(path)
      .remedy(kUseAnother);
}

void copy_tensors(const Archive& archive, const std::string& prefix, const NamedTensors& targets,
                  const std::filesystem::path& path) {
  const torch::NoGradGuard no_grad;
  for (const auto& [name, target] : targets) {
    torch::Tensor destination = target;
    destination.copy_(find_tensor(archive, prefix + name, target.sizes(), path));
  }
}

}  // namespace dcgan
