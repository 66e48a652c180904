#include "command_context.h"
#include "dcgan/base/error.h"

namespace dcgan::cli {

int run_data_show(const DataShowOptions& /*options*/) { throw failure("not yet"); }

}  // namespace dcgan::cli
