#include "kernels/winograd/points.h"

namespace dcgan {
namespace {

/// Where the inputs of a tile lie, 5x5, of one phase, from a channel on. No tile is all zeros.
template <typename Number>
using InputPlaces = std::array<const Number*, kPoints>;

template <typename Number>
InputPlaces<Number> places_of(const Images<const Number>& x,
                              const std::optional<Tiles::Place>& tile, const PhaseInputs& phase,
                              std::int64_t channel, const Number* zeros) {
  InputPlaces<Number> places;
  places.fill(zeros);
  if (!tile) return places;
  for (std::int64_t p = 0; p < kPoints; ++p) {
    const std::int64_t row = phase.rows.first + phase.rows.step * (tile->row + p / kTilePoints);
    const std::int64_t column =
        phase.columns.first + phase.columns.step * (tile->column + p % kTilePoints);
    if (row < 0 || row >= x.height || column < 0 || column >= x.width) continue;
    places[static_cast<std::size_t>(p)] = x.at(tile->image, row, column) + channel;
  }
  return places;
}

/// A tile's place in the order of TileRows.
std::size_t kind_of(const Cut& cut) {
  if (cut.rows) return cut.columns ? 3 : 2;
  return cut.columns ? 0 : 1;
}

Cut cut_of(const std::optional<Tiles::Place>& tile) { return tile ? tile->cut : Cut{}; }

template <typename Number>
const Number* zeros_for(std::int64_t channels) {
  thread_local std::vector<Number> zeros;
  zeros.assign(static_cast<std::size_t>(channels), Number{});
  return zeros.data();
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

TileRows::TileRows(const Tiles& tiles, const Range& range, std::int64_t step) {
  std::array<std::int64_t, 4> counts{};
  for (std::int64_t tile = range.first; tile < range.last; ++tile) {
    ++counts[kind_of(tiles.place(tile).cut)];
  }
  for (std::size_t kind = 0; kind < counts.size(); ++kind) {
    starts_[kind + 1] = starts_[kind] + round_up(counts[kind], step);
  }
  rows_.resize(static_cast<std::size_t>(starts_.back()));
  std::array<std::int64_t, 5> next = starts_;
  for (std::int64_t tile = range.first; tile < range.last; ++tile) {
    const Tiles::Place place = tiles.place(tile);
    rows_[static_cast<std::size_t>(next[kind_of(place.cut)]++)] = place;
  }
}

Range TileRows::having(std::int64_t point) const {
  const bool not_in_cut_rows = point / kTilePoints == kCutPoint;
  const bool not_in_cut_columns = point % kTilePoints == kCutPoint;
  if (not_in_cut_rows) return {starts_[not_in_cut_columns ? 1 : 0], starts_[2]};
  if (not_in_cut_columns) return {starts_[1], starts_[3]};
  return {0, starts_[4]};
}

template <typename Number>
void transform_inputs(const Images<const Number>& x, const TileRows& tiles,
                      const std::vector<InputPart>& parts, Points<Number>& to) {
  const Number* const zeros = zeros_for<Number>(x.channels);
  const auto places = [&](std::int64_t row, std::size_t part) {
    return places_of(x, row < tiles.size() ? tiles[row] : std::nullopt, parts[part].phase,
                     parts[part].channels.first, zeros);
  };
  InputPlaces<Number> next = places(0, 0);
  for (std::int64_t row = 0; row < tiles.size(); ++row) {
    std::int64_t column = 0;
    for (std::size_t part = 0; part < parts.size(); ++part) {
      const InputPlaces<Number> now = next;
      const std::int64_t channels = parts[part].channels.size();
      const bool last = part + 1 == parts.size();
      next = last ? places(row + 1, 0) : places(row, part + 1);
      winograd_tile<Number>()->transform_input[cut_of(tiles[row])](
          now.data(), next.data(), channels, to.pairing(row), to.at(0, row, column), to.stride());
      column += channels;
    }
  }
}

template <typename Number>
void transform_gradients(const Images<const Number>& grad, const TileRows& tiles,
                         const Range& channels, Points<Number>& to) {
  const Number* const zeros = zeros_for<Number>(grad.channels);
  for (std::int64_t row = 0; row < tiles.size(); ++row) {
    std::array<const Number*, kTileOutputs * kTileOutputs> places{};
    places.fill(zeros);
    if (const std::optional<Tiles::Place>& tile = tiles[row]) {
      for (std::size_t p = 0; p < places.size(); ++p) {
        const std::int64_t y = tile->row + static_cast<std::int64_t>(p) / kTileOutputs;
        const std::int64_t x = tile->column + static_cast<std::int64_t>(p) % kTileOutputs;
        if (y < grad.height && x < grad.width) {
          places[p] = grad.at(tile->image, y, x) + channels.first;
        }
      }
    }
    winograd_tile<Number>()->transform_gradient[cut_of(tiles[row])](
        places.data(), channels.size(), to.pairing(row), to.at(0, row, 0), to.stride());
  }
}

template void transform_inputs(const Images<const float>&, const TileRows&,
                               const std::vector<InputPart>&, Points<float>&);
template void transform_inputs(const Images<const at::BFloat16>&, const TileRows&,
                               const std::vector<InputPart>&, Points<at::BFloat16>&);
template void transform_gradients(const Images<const float>&, const TileRows&, const Range&,
                                  Points<float>&);
template void transform_gradients(const Images<const at::BFloat16>&, const TileRows&, const Range&,
                                  Points<at::BFloat16>&);

}  // namespace dcgan
