// Animations read back by the formats' own libraries; animated PNGs by their chunks and libpng.
#pragma once

#include <gif_lib.h>
#include <gtest/gtest.h>
#include <webp/demux.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/gz.h"
#include "image/decode.h"

namespace dcgan::testing {

struct Played {
  std::vector<Image> frames;
  std::vector<int> milliseconds;
};

/// RGB of RGBA, which must be opaque.
inline Image without_alpha(const std::uint8_t* rgba, int height, int width) {
  Image image{height, width, 3, {}};
  for (int i = 0; i < height * width; ++i) {
    EXPECT_EQ(rgba[4 * i + 3], 255);
    image.pixels.insert(image.pixels.end(), rgba + 4 * i, rgba + 4 * i + 3);
  }
  return image;
}

inline Played play_webp(const std::filesystem::path& path) {
  const std::string bytes = read_file(path);
  const WebPData data{reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
  const std::unique_ptr<WebPAnimDecoder, decltype(&WebPAnimDecoderDelete)> decoder(
      WebPAnimDecoderNew(&data, nullptr), &WebPAnimDecoderDelete);
  WebPAnimInfo info;
  EXPECT_TRUE(decoder && WebPAnimDecoderGetInfo(decoder.get(), &info));
  EXPECT_EQ(info.loop_count, 0U);
  Played played;
  int before = 0;
  while (WebPAnimDecoderHasMoreFrames(decoder.get()) != 0) {
    std::uint8_t* rgba = nullptr;
    int end = 0;
    EXPECT_TRUE(WebPAnimDecoderGetNext(decoder.get(), &rgba, &end));
    played.frames.push_back(without_alpha(rgba, static_cast<int>(info.canvas_height),
                                          static_cast<int>(info.canvas_width)));
    played.milliseconds.push_back(end - before);
    before = end;
  }
  return played;
}

inline Played play_gif(const std::filesystem::path& path) {
  int error = 0;
  const std::unique_ptr<GifFileType, void (*)(GifFileType*)> gif(
      DGifOpenFileName(path.c_str(), &error),
      [](GifFileType* file) { DGifCloseFile(file, nullptr); });
  EXPECT_TRUE(gif && DGifSlurp(gif.get()) == GIF_OK);
  Played played;
  for (int i = 0; i < gif->ImageCount; ++i) {
    const SavedImage& saved = gif->SavedImages[i];
    EXPECT_EQ(saved.ImageDesc.Width, gif->SWidth);
    EXPECT_EQ(saved.ImageDesc.Height, gif->SHeight);
    Image image{gif->SHeight, gif->SWidth, 3, {}};
    for (int p = 0; p < gif->SWidth * gif->SHeight; ++p) {
      const GifColorType& colour = saved.ImageDesc.ColorMap->Colors[saved.RasterBits[p]];
      image.pixels.insert(image.pixels.end(), {colour.Red, colour.Green, colour.Blue});
    }
    played.frames.push_back(image);
    GraphicsControlBlock control;
    EXPECT_EQ(DGifSavedExtensionToGCB(gif.get(), i, &control), GIF_OK);
    played.milliseconds.push_back(10 * control.DelayTime);
  }
  return played;
}

inline std::uint32_t number_at(const std::string& bytes, std::size_t at, std::size_t size = 4) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < size; ++i) {
    number = number << 8 | static_cast<unsigned char>(bytes.at(at + i));
  }
  return number;
}

struct PngChunk {
  std::string type;
  std::string data;
};

/// Of a PNG; the CRC of each must be right.
inline std::vector<PngChunk> chunks_of(const std::string& png) {
  std::vector<PngChunk> chunks;
  for (std::size_t at = 8; at < png.size();) {
    const std::uint32_t size = number_at(png, at);
    EXPECT_EQ(number_at(png, at + 8 + size), crc32_of(png.data() + at + 4, size + 4));
    chunks.push_back({png.substr(at + 4, 4), png.substr(at + 8, size)});
    at += size + 12;
  }
  return chunks;
}

/// The frames behind the first as the PNGs that they would be without it.
inline Played play_png(const std::filesystem::path& path) {
  const std::string bytes = read_file(path);
  Played played;
  std::uint32_t sequence = 0;
  std::uint32_t count = 0;
  for (const PngChunk& chunk : chunks_of(bytes)) {
    if (chunk.type == "acTL") {
      count = number_at(chunk.data, 0);
      EXPECT_EQ(number_at(chunk.data, 4), 0U) << "loops";
    }
    if (chunk.type == "fcTL" || chunk.type == "fdAT") {
      EXPECT_EQ(number_at(chunk.data, 0), sequence++);
    }
    if (chunk.type == "fcTL") {
      EXPECT_EQ(number_at(chunk.data, 22, 2), 1000U);
      played.milliseconds.push_back(static_cast<int>(number_at(chunk.data, 20, 2)));
    }
    if (chunk.type != "IDAT" && chunk.type != "fdAT") continue;
    if (chunk.type == "IDAT") {
      played.frames.push_back(decode_image(bytes));
      continue;
    }
    const std::string body = "IDAT" + chunk.data.substr(4);
    const std::uint32_t crc = crc32_of(body.data(), body.size());
    std::string still = bytes.substr(0, 33);  // the signature and IHDR
    const auto put = [&](std::uint32_t number) {
      for (int shift = 24; shift >= 0; shift -= 8) still += static_cast<char>(number >> shift);
    };
    put(static_cast<std::uint32_t>(body.size() - 4));
    still += body;
    put(crc);
    still += bytes.substr(bytes.size() - 12);  // IEND
    played.frames.push_back(decode_image(still));
  }
  EXPECT_EQ(count, played.frames.size());
  return played;
}

/// By its ending: .webp, .gif or .png. All but PNG gives RGB.
inline Played play(const std::filesystem::path& path) {
  return path.extension() == ".gif"    ? play_gif(path)
         : path.extension() == ".webp" ? play_webp(path)
                                       : play_png(path);
}

}  // namespace dcgan::testing
