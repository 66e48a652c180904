#include "winograd_points.h"

namespace dcgan {
namespace {

/// Where the inputs of a tile lie, 5x5, of one phase, from a channel on.
using InputPlaces = std::array<const float*, kPoints>;

InputPlaces places_of(const Images<const float>& x, const Tiles::Place& tile,
                      const PhaseInputs& phase, std::int64_t channel, const float* zeros) {
  InputPlaces places{};
  for (std::int64_t p = 0; p < kPoints; ++p) {
    const std::int64_t row = phase.rows.first + phase.rows.step * (tile.row + p / kTilePoints);
    const std::int64_t column =
        phase.columns.first + phase.columns.step * (tile.column + p % kTilePoints);
    const bool inside = row >= 0 && row < x.height && column >= 0 && column < x.width;
    places[static_cast<std::size_t>(p)] = inside ? x.at(tile.image, row, column) + channel : zeros;
  }
  return places;
}

}  // namespace

std::vector<PhaseInputs> forward_phases(const torch::Tensor& x, const Window& window) {
  const auto inputs = [&](std::int64_t d, std::int64_t phase) {
    return Inputs{x.size(d + 2), phase - window.padding[static_cast<std::size_t>(d)],
                  kWinogradStride};
  };
  return each_phase([&](std::int64_t row, std::int64_t column) {
    return PhaseInputs{inputs(0, row), inputs(1, column)};
  });
}

void transform_inputs(const Images<const float>& x, const Tiles& tiles, const TileRange& range,
                      const std::vector<InputPart>& parts, Points& to) {
  thread_local std::vector<float> zeros;
  zeros.assign(static_cast<std::size_t>(x.channels), 0.0F);
  const auto places = [&](std::int64_t i, std::size_t part) {
    if (i < range.size()) {
      return places_of(x, tiles.place(range.first + i), parts[part].phase,
                       parts[part].channels.first, zeros.data());
    }
    InputPlaces none;
    none.fill(zeros.data());
    return none;
  };
  InputPlaces next = places(0, 0);
  for (std::int64_t i = 0; i < round_up(range.size(), kRowStep); ++i) {
    std::int64_t column = 0;
    for (std::size_t part = 0; part < parts.size(); ++part) {
      const InputPlaces now = next;
      const std::int64_t channels = parts[part].channels.size();
      const bool last = part + 1 == parts.size();
      next = last ? places(i + 1, 0) : places(i, part + 1);
      winograd_tile().transform_input(now.data(), next.data(), channels, to.at(0, i, column),
                                      to.stride());
      column += channels;
    }
  }
}

void transform_gradients(const Images<const float>& grad, const Tiles& tiles,
                         const TileRange& range, const ChannelRange& channels, Points& to) {
  thread_local std::vector<float> zeros;
  zeros.assign(static_cast<std::size_t>(channels.size()), 0.0F);
  for (std::int64_t i = 0; i < range.size(); ++i) {
    const Tiles::Place tile = tiles.place(range.first + i);
    std::array<const float*, kTileOutputs * kTileOutputs> places{};
    for (std::size_t p = 0; p < places.size(); ++p) {
      const std::int64_t row = tile.row + static_cast<std::int64_t>(p) / kTileOutputs;
      const std::int64_t column = tile.column + static_cast<std::int64_t>(p) % kTileOutputs;
      const bool inside = row < grad.height && column < grad.width;
      places[p] = inside ? grad.at(tile.image, row, column) + channels.first : zeros.data();
    }
    winograd_tile().transform_gradient(places.data(), channels.size(), to.at(0, i, 0), to.stride());
  }
}

}  // namespace dcgan
