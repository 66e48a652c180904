// Which way is up in a photo.
#pragma once

#include <string_view>

#include "dcgan/image.h"

namespace dcgan {

/// The orientation, 1 to 8, in the data of a JPEG's APP1 marker (EXIF 2.3, tag 0x0112); 1, which
/// means upright, where there is none or it is damaged.
int exif_orientation(std::string_view data);

/// True where turning it upright swaps height and width.
inline bool swaps_sides(int orientation) { return orientation >= 5; }

/// The image as it is meant to be seen.
Image turn_upright(Image image, int orientation);

}  // namespace dcgan
