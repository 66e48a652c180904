#include "cli/average.h"

#include <iostream>

#include "gan/power_average.h"
#include "sources/output_file.h"
#include "training/averages.h"

namespace dcgan::cli {

int Average::run() const {
  require_folder_of(out);
  const AveragedGenerator made = average_generator(folder, width, step);
  const GeneratorFile& file = made.generator;
  save_generator(out, file.generator, file.config, file.step, file.classes);
  std::cout << fmt::format(
      "{}: the average of width {} after step {}, of {} snapshots; its weighting of the steps is "
      "off by {:.1f} %\n",
      out, format_real(width), format_count(file.step), made.snapshots, 100 * made.error);
  return 0;
}

}  // namespace dcgan::cli
