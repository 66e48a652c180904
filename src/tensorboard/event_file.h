// What TensorBoard reads: a file of records, each of which is a TensorFlow Event message.
//
// Record: uint64 length, uint32 masked CRC-32C of the length, the message, uint32 masked CRC-32C of
// the message, all little-endian (tensorflow/core/lib/io/record_writer.h). Messages:
// tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace dcgan {

/// CRC-32C (Castagnoli), as in RFC 3720.
std::uint32_t crc32c(std::string_view bytes);

/// The record that holds `message`.
std::string to_record(std::string_view message);

/// Each call is one event, which is in the kernel's hands on return. All throw `failure` naming the
/// file when it can't be written.
class EventFile {
 public:
  struct Scalar {
    std::string tag;  ///< "training/d_loss": the part before the slash is a group in TensorBoard
    double value = 0;
  };

  /// A new file in `folder`, for a run that begins or resumes at `step`. TensorBoard forgets what
  /// older files there say of later steps.
  EventFile(const std::filesystem::path& folder, std::int64_t step);

  void add_scalars(std::int64_t step, const std::vector<Scalar>& scalars);
  /// png: the file's bytes, grey or RGB.
  void add_image(std::int64_t step, const std::string& tag, std::string_view png);
  /// Of Markdown.
  void add_text(std::int64_t step, const std::string& tag, std::string_view text);

 private:
  void write(const std::string& event);

  std::filesystem::path path_;
  std::ofstream file_;
};

}  // namespace dcgan
