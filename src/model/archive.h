// A file of named tensors and texts: the container of g.pt, checkpoints and feature networks.
//
// It is a TorchScript archive (a zip), so torch.jit.load opens it in Python: tensors under dotted
// names as parameters or buffers of nested modules, texts as extra files. Every archive of ours
// carries `dcgan.json`, which says what it is, in which format version, and a CRC-32 of
// tensors, configuration and numbers, so that a damaged file is told from a good one.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dcgan/error.h"
#include "model/network.h"

namespace dcgan {

enum class ArchiveKind { generator, checkpoint, features, averages };

/// "dcgan generator", ...: what a file of ours says that it is.
const char* format_of(ArchiveKind kind);

struct Archive {
  ArchiveKind kind = ArchiveKind::checkpoint;
  NamedTensors tensors;  ///< "generator.layer1.weight", ...; written in this order
  std::string config;    ///< the run's configuration as YAML; "" for a feature network
  std::map<std::string, std::int64_t> numbers;  ///< "step", ...; attributes of a generator
  std::map<std::string, std::string> notes;     ///< "dataset", ...
  std::string forward;                          ///< TorchScript source of forward(); "" for none
};

/// Keeps the names of the first `count` classes as the note "class_names", a line each, fit to
/// stand in a message; nothing where there are no names.
void note_class_names(Archive& archive, const std::vector<std::string>& names, std::int64_t count);
/// What that note says; none where it is missing.
std::vector<std::string> noted_class_names(const Archive& archive);

constexpr std::int64_t kArchiveFormatVersion = 1;

/// Writes atomically. Two archives with the same content have the same bytes.
void write_archive(const std::filesystem::path& path, const Archive& archive);

/// Reads a file's bytes, tensors on the CPU; nothing for a zip that dcgan did not write, such as
/// another TorchScript. Throws `damaged` when it is empty or damaged, `failure` when it is of
/// another format version; `path` is for messages.
std::optional<Archive> parse_archive(const std::string& bytes, const std::filesystem::path& path);

/// The same of a file, which must be of `kind`: `failure` otherwise.
Archive read_archive(const std::filesystem::path& path, ArchiveKind kind);

/// For bytes that LibTorch refuses with `error`, whose own text is a backtrace; to be called where
/// it is caught, since one for want of memory goes on as it is.
Error unreadable_archive(const std::exception& error, const std::string& bytes,
                         const std::filesystem::path& path);

/// The tensor of that name, with those sizes; throws `failure` naming `path` otherwise.
torch::Tensor find_tensor(const Archive& archive, const std::string& name, at::IntArrayRef sizes,
                          const std::filesystem::path& path);

/// Copies every tensor of `targets` from the archive, each under `prefix` + its name.
void copy_tensors(const Archive& archive, const std::string& prefix, const NamedTensors& targets,
                  const std::filesystem::path& path);

}  // namespace dcgan
