#include "gan/backward.h"

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <utility>

#include "runtime/torch.h"

namespace dcgan {
namespace {

using torch::autograd::variable_list;

/// Calls `work` once the gradient has reached its parameter.
class AfterGradient : public torch::autograd::FunctionPostHook {
 public:
  explicit AfterGradient(std::function<void()> work) : work_(std::move(work)) {}

  variable_list operator()(const variable_list& outputs, const variable_list& /*inputs*/) override {
    work_();
    return outputs;
  }

 private:
  std::function<void()> work_;
};

/// All numbers in one tensor, others before gradients. It is summed from its end on, a bucket as
/// soon as the pass has made it.
class Buckets {
 public:
  Buckets(const std::vector<torch::Tensor>& parameters, const std::vector<torch::Tensor>& others,
          Reducer& reducer)
      : parameters_(parameters),
        reducer_(reducer),
        made_(parameters.size()),
        all_made_from_(parameters.size()) {
    for (const torch::Tensor& other : others) end_ += other.numel();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      first_.push_back(end_);
      end_ += parameters[i].numel();
      torch::autograd::impl::grad_accumulator(parameters[i])
          ->add_post_hook(std::make_unique<AfterGradient>([this, i] { take_gradient(i); }));
    }
    all_ = torch::empty({end_}, parameters.front().options().requires_grad(false));
    std::int64_t first = 0;
    for (const torch::Tensor& other : others) {
      others_.emplace_back(other, place(other, first).copy_(other));
      first += other.numel();
    }
  }

  /// After the pass.
  void finish() {
    TORCH_CHECK(all_made_from_ == 0, "a parameter has no gradient");
    begin_sum(0);
    for (std::future<void>& sum : sums_) sum.get();
    all_.div_(static_cast<double>(reducer_.parts()));
    for (auto& [other, mean] : others_) other.copy_(mean);
  }

 private:
  /// A view for the numbers of `tensor` in all_.
  torch::Tensor place(const torch::Tensor& tensor, std::int64_t first) const {
    return all_.as_strided(tensor.sizes(), tensor.strides(), first);
  }

  /// The pass makes them from the last to the first, almost in order.
  void take_gradient(std::size_t index) {
    constexpr std::int64_t kBucket = 1 << 18;  // numbers: 1 MiB
    torch::Tensor& gradient = parameters_[index].mutable_grad();
    gradient = place(parameters_[index], first_[index]).copy_(gradient);
    made_[index] = true;
    while (all_made_from_ > 0 && made_[all_made_from_ - 1]) --all_made_from_;
    if (all_made_from_ == 0 || all_made_from_ == made_.size()) return;
    if (end_ - first_[all_made_from_] >= kBucket) begin_sum(first_[all_made_from_]);
  }

  void begin_sum(std::int64_t first) {
    sums_.push_back(reducer_.begin_sum(all_.narrow(0, first, end_ - first)));
    end_ = first;
  }

  const std::vector<torch::Tensor>& parameters_;
  Reducer& reducer_;
  torch::Tensor all_;
  std::vector<std::int64_t> first_;  ///< where each parameter's gradient begins
  std::vector<std::pair<torch::Tensor, torch::Tensor>> others_;  ///< and their place
  std::vector<bool> made_;
  std::size_t all_made_from_;  ///< the first of the gradients behind which none is missing
  std::int64_t end_ = 0;       ///< what follows is being summed
  std::vector<std::future<void>> sums_;
};

}  // namespace

void backward(const torch::Tensor& objective, const std::vector<torch::Tensor>& parameters,
              const std::vector<torch::Tensor>& others, Reducer* reducer) {
  // For the parameters alone: with a penalty the images are a leaf of the graph, too.
  const auto pass = [&] {
    objective.backward({}, c10::nullopt, /*create_graph=*/false, parameters);
  };
  if (reducer == nullptr) {
    pass();
    return;
  }
  const torch::NoGradGuard no_grad;
  Buckets buckets(parameters, others, *reducer);
  pass();
  buckets.finish();
}

}  // namespace dcgan
