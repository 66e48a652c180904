#include "report/csv.h"

#include <gtest/gtest.h>

#include "report/run_fixture.h"

namespace dcgan {
namespace {

using ReportCsv = testing::RunFolders;

TEST_F(ReportCsv, HasARowALineAndAColumnAKey) {
  const std::string head =
      "run,step,epoch,images,seconds,d_loss,g_loss,d_real,d_fake,d_fake_after,images_per_second,"
      "samples,features,fid,precision,recall,modes\n";
  const std::string rest =
      ",2,1,16,0.5,1.5,0.25,0.5,0.25,0.125,32.0,,,,,,\n"
      "NAME,4,2,32,1.0,0.5,0.75,0.5,0.25,0.125,32.0,,,,,,\n"
      "NAME,4,2,,1.25,,,,,,,10,49dc3f81,3.5,0.75,0.5,2\n";
  const auto rows = [&](const std::string& name) {
    std::string text = name + rest;
    for (std::size_t at = 0; (at = text.find("NAME")) != std::string::npos;) {
      text.replace(at, 4, name);
    }
    return text;
  };
  EXPECT_EQ(to_csv(read_runs({write_run("a"), write_run("b")})), head + rows("a") + rows("b"));
}

TEST_F(ReportCsv, QuotesNames) {
  const std::string csv = to_csv(read_runs({write_run("a,\"b\"\n")}));
  EXPECT_NE(csv.find("\n\"a,\"\"b\"\"\n\",2,1,"), std::string::npos) << csv;
}

TEST_F(ReportCsv, NotANumberIsAnEmptyCell) {
  const std::string folder = write_run("a");
  write_file_atomically(folder + "/metrics.jsonl",
                        "{\"step\":2,\"seconds\":0.5,\"d_loss\":null,\"g_loss\":1}\n");
  EXPECT_EQ(to_csv(read_runs({folder})), "run,step,seconds,d_loss,g_loss\na,2,0.5,,1\n");
}

}  // namespace
}  // namespace dcgan
