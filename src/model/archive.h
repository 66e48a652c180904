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

#include "model/network.h"

namespace dcgan {

enum class ArchiveKind { generator, checkpoint, features };

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
/// What that note says; none where it is missing or is not of `count` classes.
std::vector<std::string> noted_class_names(const Archive& archive, std::int64_t count);

constexpr std::int64_t kArchiveFormatVersion = 1;

/// Writes atomically. Two archives with the same content have the same bytes.
void write_archive(const std::filesystem::path& path, const Archive& archive);

/// What a file's bytes are: ours, or nothing for a TorchScript of somebody else. Throws `damaged`
/// that names `path` when they are empty, truncated, or no TorchScript archive.
std::optional<ArchiveKind> identify(const std::string& bytes, const std::filesystem::path& path);

/// Reads an archive of `kind`, tensors on the CPU. Throws, naming the file and the remedy,
/// `damaged` when it is empty or damaged, `failure` when it is missing, of another kind or of
/// another format version.
Archive read_archive(const std::filesystem::path& path, ArchiveKind kind);

/// The same of a file's bytes; `path` is for messages.
Archive parse_archive(const std::string& bytes, const std::filesystem::path& path,
                      ArchiveKind kind);

/// The tensor of that name, with those sizes; throws `failure` naming `path` otherwise.
torch::Tensor find_tensor(const Archive& archive, const std::string& name, at::IntArrayRef sizes,
                          const std::filesystem::path& path);

/// Copies every tensor of `targets` from the archive, each under `prefix` + its name. All must be
/// there with the same sizes, and nothing else may stand under `prefix`.
void copy_tensors(const Archive& archive, const std::string& prefix, const NamedTensors& targets,
                  const std::filesystem::path& path);

}  // namespace dcgan
