#include <gtest/gtest.h>

#include "model/forward.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

// Two images, three classes: the first number is any image's.
torch::Tensor numbers() {
  return torch::tensor({{10.0F, 1.0F, 2.0F, 3.0F}, {20.0F, 4.0F, 5.0F, 6.0F}});
}

TEST(Projection, AnImagesLogitIsTheFirstNumberAndThatOfItsClass) {
  const torch::Tensor logits = logits_of_class(numbers(), torch::tensor({2, 0}));
  EXPECT_TRUE(torch::equal(logits, torch::tensor({13.0F, 24.0F})));
}

TEST(Projection, OfTheOtherClassesItHasOneEach) {
  const torch::Tensor logits = logits_of_other_classes(numbers(), torch::tensor({1, 0}));
  EXPECT_TRUE(torch::equal(logits, torch::tensor({{11.0F, 13.0F}, {25.0F, 26.0F}})));
}

TEST(Projection, TakesAConvolutionsOutput) {
  const torch::Tensor maps = numbers().view({2, 4, 1, 1});
  const torch::Tensor classes = torch::tensor({1, 2});
  EXPECT_TRUE(torch::equal(logits_of_class(maps, classes), logits_of_class(numbers(), classes)));
  EXPECT_TRUE(torch::equal(logits_of_other_classes(maps, classes),
                           logits_of_other_classes(numbers(), classes)));
}

}  // namespace
}  // namespace dcgan
