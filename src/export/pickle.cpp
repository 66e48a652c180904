#include "export/pickle.h"

#include <fmt/format.h>

#include <cstring>
#include <deque>
#include <unordered_map>

#include "base/text.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

constexpr const char* kSaveAlone =
    "save the generator's weights alone: torch.save(netG.state_dict(), \"netG.pth\")";

enum class Kind { other, number, text, list, dict, global, storage, tensor };

/// A value. Values name each other by their place among all, so that none is freed twice or
/// recursively, whatever the pickle says.
struct Value {
  Kind kind = Kind::other;
  std::int64_t number = 0;         ///< or a tensor's offset
  std::string text;                ///< or a global's name, a storage's key
  std::vector<std::size_t> items;  ///< of a list or tuple; a dict's keys and values in turn;
                                   ///< a storage's type; a tensor's storage, sizes and strides
};

void require_sound(bool sound) {
  if (!sound) throw damaged("the pickle in it is damaged").remedy("copy it again");
}

class Unpickler {
 public:
  explicit Unpickler(std::string_view bytes) : bytes_(bytes) {}

  const Value& run() {
    for (char opcode; (opcode = take(1)[0]) != '.';) {
      if (!do_scalar(opcode) && !do_memo(opcode) && !do_container(opcode)) {
        throw failure("its pickle holds more than a state_dict").remedy(kSaveAlone);
      }
    }
    return pop();
  }
  const Value& at(std::size_t index) const { return nodes_[index]; }

 private:
  std::string_view take(std::size_t size) {
    require_sound(size <= bytes_.size());
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  template <typename Integer>
  Integer integer() {
    Integer value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string line() {
    const std::size_t end = bytes_.find('\n');
    require_sound(end != std::string_view::npos);
    std::string text(take(end));
    take(1);
    return text;
  }

  void push(Value node) {
    stack_.push_back(nodes_.size());
    nodes_.push_back(std::move(node));
  }
  void push_number(std::int64_t number) { push({Kind::number, number, {}, {}}); }
  void push_text(std::string_view text) { push({Kind::text, 0, std::string(text), {}}); }
  std::size_t pop_index() {
    require_sound(stack_.size() > (marks_.empty() ? 0 : marks_.back()));
    const std::size_t index = stack_.back();
    stack_.pop_back();
    return index;
  }
  Value& pop() { return nodes_[pop_index()]; }
  Value& top(Kind kind) {
    require_sound(!stack_.empty() && nodes_[stack_.back()].kind == kind);
    return nodes_[stack_.back()];
  }
  std::vector<std::size_t> pop_many(std::size_t first) {
    require_sound(first <= stack_.size() && (marks_.empty() || first >= marks_.back()));
    std::vector<std::size_t> items(stack_.begin() + static_cast<std::ptrdiff_t>(first),
                                   stack_.end());
    stack_.resize(first);
    return items;
  }
  std::vector<std::size_t> pop_to_mark() {
    require_sound(!marks_.empty());
    const std::size_t first = marks_.back();
    std::vector<std::size_t> items = pop_many(first);
    marks_.pop_back();
    return items;
  }
  void append_to(Kind kind, const std::vector<std::size_t>& items) {
    std::vector<std::size_t>& all = top(kind).items;
    all.insert(all.end(), items.begin(), items.end());
  }

  bool do_scalar(char opcode);
  bool do_memo(char opcode);
  bool do_container(char opcode);
  void push_long();
  void push_global(const std::string& module, const std::string& name);
  void call();
  void make_storage();

  std::string_view bytes_;  ///< those that are still to be read
  std::deque<Value> nodes_;
  std::vector<std::size_t> stack_;
  std::vector<std::size_t> marks_;  ///< sizes that the stack had
  std::unordered_map<std::size_t, std::size_t> memo_;
};

bool Unpickler::do_scalar(char opcode) {
  switch (opcode) {
    case '\x80':  // PROTO
      return take(1), true;
    case '\x95':  // FRAME
    case 'G':     // BINFLOAT, of no use to a tensor
      take(8);
      return opcode == 'G' ? (push({}), true) : true;
    case 'N':  // NONE
      return push({}), true;
    case '\x88':  // NEWTRUE
    case '\x89':  // NEWFALSE
      return push_number(opcode == '\x88' ? 1 : 0), true;
    case 'K':  // BININT1
      return push_number(integer<std::uint8_t>()), true;
    case 'M':  // BININT2
      return push_number(integer<std::uint16_t>()), true;
    case 'J':  // BININT
      return push_number(integer<std::int32_t>()), true;
    case '\x8a':  // LONG1
      return push_long(), true;
    case 'X':  // BINUNICODE
      return push_text(take(integer<std::uint32_t>())), true;
    case '\x8c':  // SHORT_BINUNICODE
      return push_text(take(integer<std::uint8_t>())), true;
    default:
      return false;
  }
}

/// Little-endian, of two's complement.
void Unpickler::push_long() {
  const std::string_view digits = take(integer<std::uint8_t>());
  require_sound(digits.size() <= sizeof(std::int64_t));
  const bool is_negative = !digits.empty() && (digits.back() & 0x80) != 0;
  std::int64_t number = is_negative ? -1 : 0;
  std::memcpy(&number, digits.data(), digits.size());
  push_number(number);
}

bool Unpickler::do_memo(char opcode) {
  const auto put = [this](std::size_t key) {
    require_sound(!stack_.empty());
    memo_[key] = stack_.back();
    return true;
  };
  const auto get = [this](std::size_t key) {
    const auto found = memo_.find(key);
    require_sound(found != memo_.end());
    stack_.push_back(found->second);
    return true;
  };
  switch (opcode) {
    case 'q':  // BINPUT
      return put(integer<std::uint8_t>());
    case 'r':  // LONG_BINPUT
      return put(integer<std::uint32_t>());
    case '\x94':  // MEMOIZE
      return put(memo_.size());
    case 'h':  // BINGET
      return get(integer<std::uint8_t>());
    case 'j':  // LONG_BINGET
      return get(integer<std::uint32_t>());
    default:
      return false;
  }
}

bool Unpickler::do_container(char opcode) {
  switch (opcode) {
    case '(':  // MARK
      return marks_.push_back(stack_.size()), true;
    case '}':  // EMPTY_DICT
      return push({Kind::dict, 0, {}, {}}), true;
    case ')':  // EMPTY_TUPLE
    case ']':  // EMPTY_LIST
      return push({Kind::list, 0, {}, {}}), true;
    case 't':  // TUPLE
      return push({Kind::list, 0, {}, pop_to_mark()}), true;
    case '\x85':  // TUPLE1
    case '\x86':
    case '\x87': {  // TUPLE3
      const std::size_t size = opcode == '\x85' ? 1 : opcode == '\x86' ? 2 : 3;
      require_sound(size <= stack_.size());
      return push({Kind::list, 0, {}, pop_many(stack_.size() - size)}), true;
    }
    case 'a':  // APPEND
      return append_to(Kind::list, {pop_index()}), true;
    case 'e':  // APPENDS
      return append_to(Kind::list, pop_to_mark()), true;
    case 's':  // SETITEM
      require_sound(stack_.size() >= 2);
      return append_to(Kind::dict, pop_many(stack_.size() - 2)), true;
    case 'u':  // SETITEMS
      return append_to(Kind::dict, pop_to_mark()), true;
    case 'b':  // BUILD: attributes, such as a state_dict's _metadata
      return pop(), true;
    case 'c': {  // GLOBAL
      const std::string module = line();
      return push_global(module, line()), true;
    }
    case '\x93': {  // STACK_GLOBAL
      const std::string name = pop().text;
      return push_global(pop().text, name), true;
    }
    case 'R':  // REDUCE
      return call(), true;
    case 'Q':  // BINPERSID
      return make_storage(), true;
    default:
      return false;
  }
}

void Unpickler::push_global(const std::string& module, const std::string& name) {
  const std::string whole = module + "." + name;
  const bool is_known = whole == "collections.OrderedDict" ||
                        whole == "torch._utils._rebuild_tensor_v2" ||
                        whole == "torch._utils._rebuild_parameter" ||
                        (module == "torch" && name.ends_with("Storage"));
  if (!is_known) {
    throw failure(fmt::format("its pickle holds more than tensors: {}", printable(whole)))
        .remedy(kSaveAlone);
  }
  push({Kind::global, 0, whole, {}});
}

void Unpickler::call() {
  const Value arguments = pop();
  const Value callee = pop();
  require_sound(arguments.kind == Kind::list && callee.kind == Kind::global);
  if (callee.text == "collections.OrderedDict") return push({Kind::dict, 0, {}, {}});
  if (callee.text == "torch._utils._rebuild_parameter") {
    require_sound(!arguments.items.empty());
    return stack_.push_back(arguments.items[0]);
  }
  const std::vector<std::size_t>& items = arguments.items;
  require_sound(callee.text == "torch._utils._rebuild_tensor_v2" && items.size() >= 4);
  const auto is = [&](std::size_t i, Kind kind) { return nodes_[items[i]].kind == kind; };
  require_sound(is(0, Kind::storage) && is(1, Kind::number) && is(2, Kind::list) &&
                is(3, Kind::list));
  push({Kind::tensor, nodes_[items[1]].number, {}, {items[0], items[2], items[3]}});
}

/// Of ("storage", type, key, device, size); what the file holds is its size.
void Unpickler::make_storage() {
  const Value id = pop();
  require_sound(id.kind == Kind::list && id.items.size() >= 3);
  const Value& key = nodes_[id.items[2]];
  require_sound(nodes_[id.items[1]].kind == Kind::global && key.kind == Kind::text);
  push({Kind::storage, 0, key.text, {id.items[1]}});
}

std::vector<std::int64_t> numbers_of(const Unpickler& unpickler, const Value& list) {
  std::vector<std::int64_t> numbers;
  for (const std::size_t item : list.items) {
    require_sound(unpickler.at(item).kind == Kind::number);
    numbers.push_back(unpickler.at(item).number);
  }
  return numbers;
}

}  // namespace

std::vector<PickledTensor> read_state_dict_pickle(std::string_view pickle) {
  constexpr std::size_t kMaxSize = 1 << 20;  // some thousand tensors
  if (pickle.size() > kMaxSize) {
    throw failure("its pickle is larger than a generator's").remedy(kSaveAlone);
  }
  Unpickler unpickler(pickle);
  const Value& root = unpickler.run();
  if (root.kind != Kind::dict) throw failure("it holds no state_dict").remedy(kSaveAlone);
  require_sound(root.items.size() % 2 == 0);
  std::vector<PickledTensor> tensors;
  for (std::size_t i = 0; i < root.items.size(); i += 2) {
    const std::string& name = unpickler.at(root.items[i]).text;
    const Value& value = unpickler.at(root.items[i + 1]);
    if (value.kind != Kind::tensor) {
      throw failure(fmt::format("not a state_dict: its '{}' is no tensor", printable(name)))
          .remedy(kSaveAlone);
    }
    const Value& storage = unpickler.at(value.items[0]);
    const std::string& type = unpickler.at(storage.items[0]).text;
    tensors.push_back({name, type.substr(type.find('.') + 1), storage.text, value.number,
                       numbers_of(unpickler, unpickler.at(value.items[1])),
                       numbers_of(unpickler, unpickler.at(value.items[2]))});
    require_sound(tensors.back().sizes.size() == tensors.back().strides.size());
  }
  return tensors;
}

}  // namespace dcgan
