// tests/fetch/server.py beside the test, over a folder of its own.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/file.h"
#include "support/temp_folder.h"

namespace dcgan::testing {

class Server {
 public:
  /// `certificate`: a PEM file with its key, for https; "": http.
  explicit Server(const std::string& certificate = "")
      : scheme_(certificate.empty() ? "http" : "https") {
    int to_child[2];
    int from_child[2];
    if (pipe2(to_child, O_CLOEXEC) != 0 || pipe2(from_child, O_CLOEXEC) != 0) {
      throw std::runtime_error("no pipe");
    }
    child_ = fork();
    if (child_ == 0) {
      dup2(to_child[0], STDIN_FILENO);
      dup2(from_child[1], STDOUT_FILENO);
      const std::string script = DCGAN_SOURCE_DIR "/tests/fetch/server.py";
      const std::string folder = folder_.path().string();
      execlp("python3", "python3", script.c_str(), folder.c_str(),
             certificate.empty() ? nullptr : certificate.c_str(), nullptr);
      _exit(127);
    }
    close(to_child[0]);
    close(from_child[1]);
    keeps_it_alive_ = to_child[1];
    for (char digit = 0; read(from_child[0], &digit, 1) == 1 && digit != '\n';) port_ += digit;
    close(from_child[0]);
    if (port_.empty()) throw std::runtime_error("python3 tests/fetch/server.py does not start");
  }
  ~Server() {
    close(keeps_it_alive_);
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// The file `name` of the server.
  void put(const std::string& name, const std::string& bytes) const {
    write_file_atomically(folder_ / name, bytes, Flush::no);
  }
  const std::string& port() const { return port_; }
  /// `path` begins with '/'.
  std::string url(const std::string& path) const {
    return scheme_ + "://127.0.0.1:" + port_ + path;
  }
  /// One line a request; what was asked for so far.
  std::string requests() const {
    const auto log = folder_ / "requests.log";
    return std::filesystem::exists(log) ? read_file(log) : "";
  }
  void forget_requests() const { std::filesystem::remove(folder_ / "requests.log"); }

 private:
  TempFolder folder_;
  std::string scheme_;
  pid_t child_ = -1;
  int keeps_it_alive_ = -1;
  std::string port_;
};

/// A port of loopback that takes connections, or refuses them, and never says a word.
class SilentPort {
 public:
  explicit SilentPort(bool listens) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (bind(socket_, any, length) != 0 || (listens && listen(socket_, 8) != 0) ||
        getsockname(socket_, any, &length) != 0) {
      throw std::runtime_error("no port");
    }
    port_ = std::to_string(ntohs(address.sin_port));
  }
  ~SilentPort() { close(socket_); }
  SilentPort(const SilentPort&) = delete;
  SilentPort& operator=(const SilentPort&) = delete;

  const std::string& port() const { return port_; }

 private:
  int socket_;
  std::string port_;
};

/// Sets an environment variable for one test, or unsets it.
class Variable {
 public:
  Variable(std::string name, const std::string& value) : Variable(std::move(name)) {
    setenv(name_.c_str(), value.c_str(), 1);
  }
  explicit Variable(std::string name) : name_(std::move(name)) {
    const char* const before = std::getenv(name_.c_str());
    if (before != nullptr) before_ = before;
    unsetenv(name_.c_str());
  }
  ~Variable() {
    if (before_) setenv(name_.c_str(), before_->c_str(), 1);
    if (!before_) unsetenv(name_.c_str());
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  std::string name_;
  std::optional<std::string> before_;
};

/// The tests' own proxies and certificates, whatever the machine has.
struct PlainNetwork {
  Variable http_proxy{"http_proxy"};
  Variable https_proxy{"https_proxy"};
  Variable all_proxy{"all_proxy"};
  Variable no_proxy{"no_proxy"};
  Variable upper_all_proxy{"ALL_PROXY"};
  Variable upper_https_proxy{"HTTPS_PROXY"};
  Variable upper_no_proxy{"NO_PROXY"};
  Variable certificates{"CURL_CA_BUNDLE"};
  Variable certificate_file{"SSL_CERT_FILE"};
  Variable certificate_folder{"SSL_CERT_DIR"};
};

}  // namespace dcgan::testing
