// aether-run as a process: what it prints, with which code it ends, and what it leaves behind.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "stack/runtime/file_descriptor.h"
#include "stack/runtime/private_network.h"

namespace aether::runtime {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// A started aether-run with its outputs in pipes.
class Child {
 public:
  explicit Child(std::vector<std::string> arguments, bool without_stdout = false) {
    arguments.insert(arguments.begin(), AETHER_RUN_BINARY);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    std::array<int, 2> out;
    std::array<int, 2> error;
    EXPECT_EQ(::pipe2(out.data(), O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(error.data(), O_CLOEXEC), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(out[1], STDOUT_FILENO);
      ::dup2(error[1], STDERR_FILENO);
      if (without_stdout) ::close(STDOUT_FILENO);
      ::execv(AETHER_RUN_BINARY, argv.data());
      ::_exit(127);
    }
    ::close(out[1]);
    ::close(error[1]);
    out_ = FileDescriptor(out[0]);
    error_ = FileDescriptor(error[0]);
  }
  ~Child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      Wait();
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // The first line of what it prints.
  std::string ReadLine() {
    std::string line;
    char c = 0;
    while (::read(out_.get(), &c, 1) == 1 && c != '\n') line += c;
    return line;
  }
  void Signal(int signal) { ::kill(pid_, signal); }
  // Nobody reads what it prints any more.
  void CloseOutput() { out_ = FileDescriptor(); }
  // Waits for the end; the exit code, -1 when a signal ended it.
  int Wait() {
    output += ReadAll(out_);
    errors += ReadAll(error_);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::string output;
  std::string errors;

 private:
  static std::string ReadAll(const FileDescriptor& fd) {
    std::string text;
    std::array<char, 4096> buffer;
    while (fd.IsOpen()) {
      const ssize_t size = ::read(fd.get(), buffer.data(), buffer.size());
      if (size <= 0) break;
      text.append(buffer.data(), static_cast<size_t>(size));
    }
    return text;
  }

  pid_t pid_ = -1;
  FileDescriptor out_;
  FileDescriptor error_;
};

class AetherRunLiveTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!EnterPrivateNetwork()) GTEST_SKIP() << "needs root and /dev/net/tun";
    directory_ = fs::path(::testing::TempDir()) / ("aether_run_" + std::to_string(::getpid()));
    fs::create_directories(directory_);
    capture_ = (directory_ / "x.pcap").string();
  }
  void TearDown() override { fs::remove_all(directory_); }

  // Runs to the end with a code other than 0: one sentence on stderr, nothing on stdout, nothing
  // left behind.
  std::string Refusal(std::vector<std::string> arguments, int code) {
    Child child(std::move(arguments));
    EXPECT_EQ(child.Wait(), code) << child.errors;
    EXPECT_THAT(child.output, IsEmpty());
    EXPECT_THAT(child.errors, StartsWith("aether-run: "));
    EXPECT_EQ(std::count(child.errors.begin(), child.errors.end(), '\n'), 1) << child.errors;
    EXPECT_FALSE(fs::exists(capture_));
    EXPECT_EQ(::if_nametoindex("live0"), 0u);
    return child.errors;
  }

  fs::path directory_;
  std::string capture_;
};

TEST_F(AetherRunLiveTest, UsageErrors) {
  const std::string capture = "--capture=" + capture_;
  EXPECT_THAT(Refusal({capture, "--nonsense"}, 2), HasSubstr("unknown flag --nonsense"));
  EXPECT_THAT(Refusal({capture, "--http_port=x"}, 2), HasSubstr("--http_port=x is malformed"));
  EXPECT_THAT(Refusal({capture, "--workers=0"}, 2), HasSubstr("--workers"));
  EXPECT_THAT(Refusal({capture, "--fault=drop=7"}, 2), HasSubstr("--fault"));
  EXPECT_THAT(Refusal({capture, "something"}, 2), HasSubstr("unexpected argument"));
}

TEST_F(AetherRunLiveTest, TheWorldIsWrong) {
  const std::string capture = "--capture=" + capture_;
  const std::string tap = "--tap=live0";
  EXPECT_THAT(Refusal({capture, tap, "--address=10.0.0.300/24"}, 1), HasSubstr("is no address"));
  EXPECT_THAT(Refusal({capture, tap, "--address=10.0.0.255/24"}, 1),
              HasSubstr("cannot be a host's"));
  EXPECT_THAT(Refusal({capture, tap, "--http_root=/nowhere"}, 1), HasSubstr("does not exist"));
  EXPECT_THAT(Refusal({capture, tap, "--http_port=7"}, 1), HasSubstr("taken twice"));
  EXPECT_THAT(Refusal({capture, "--tap=lo", "--address=10.0.0.2/24"}, 1), HasSubstr("no TAP"));
  EXPECT_THAT(Refusal({tap, "--address=10.0.0.2/24", "--capture=/nowhere/x.pcap"}, 1),
              HasSubstr("/nowhere/x.pcap"));
}

TEST_F(AetherRunLiveTest, RunsForItsTimeAndPrintsItsCounters) {
  Child child({"--tap=live0", "--address=10.0.0.2/24", "--duration=0.2", "--mac=02:00:00:00:00:09",
               "--capture=" + capture_});
  EXPECT_EQ(child.ReadLine(),
            "aether-run: 10.0.0.2/24 on live0 (02:00:00:00:00:09), http 80, echo 7, workers 1, "
            "profile full, "
            "backoff adaptive");
  EXPECT_EQ(child.Wait(), 0);
  EXPECT_THAT(child.errors, IsEmpty());
  EXPECT_THAT(child.output, StartsWith("counters:\nframes_in "));
  EXPECT_THAT(child.output, HasSubstr("\ndrops:\n"));
  EXPECT_THAT(child.output, HasSubstr("\nhttp_requests 0\n"));
  EXPECT_THAT(child.output, HasSubstr("\nsystem_calls "));
  EXPECT_GE(fs::file_size(capture_), 24u);
  EXPECT_EQ(::if_nametoindex("live0"), 0u);
}

TEST_F(AetherRunLiveTest, SignalsEndItCleanly) {
  for (const int signal : {SIGINT, SIGTERM}) {
    for (const char* workers : {"--workers=1", "--workers=2"}) {
      Child child({"--tap=live0", "--address=10.0.0.2/24", workers});
      child.ReadLine();
      child.Signal(signal);
      EXPECT_EQ(child.Wait(), 0);
      EXPECT_THAT(child.output, HasSubstr("counters:"));
      EXPECT_EQ(::if_nametoindex("live0"), 0u);
    }
  }
}

TEST_F(AetherRunLiveTest, WaitsForDhcp) {
  Child child({"--tap=live0", "--echo_port=0"});
  EXPECT_THAT(child.ReadLine(), StartsWith("aether-run: waiting for DHCP on live0 ("));
  child.Signal(SIGINT);
  EXPECT_EQ(child.Wait(), 0);
}

TEST_F(AetherRunLiveTest, BusyTap) {
  Child first({"--tap=live0", "--address=10.0.0.2/24"});
  first.ReadLine();
  for (const char* workers : {"--workers=1", "--workers=2"}) {
    Child second({"--tap=live0", "--address=10.0.0.3/24", workers});
    EXPECT_EQ(second.Wait(), 1);
    EXPECT_THAT(second.errors, HasSubstr("TAP live0 is busy"));
  }
  first.Signal(SIGINT);
  EXPECT_EQ(first.Wait(), 0);
}

TEST_F(AetherRunLiveTest, DeletedTap) {
  Child child({"--tap=live0", "--address=10.0.0.2/24"});
  child.ReadLine();
  ASSERT_EQ(std::system("ip link delete live0"), 0);
  EXPECT_EQ(child.Wait(), 1);
  EXPECT_THAT(child.errors, HasSubstr("TAP live0 was deleted while we ran"));
}

TEST_F(AetherRunLiveTest, LivesWithoutAReader) {
  Child deaf({"--tap=live0", "--address=10.0.0.2/24", "--duration=0.2", "--stats=0.05"}, true);
  EXPECT_EQ(deaf.Wait(), 0);
  Child left({"--tap=live0", "--address=10.0.0.2/24", "--duration=0.3", "--stats=0.05"});
  left.ReadLine();
  left.CloseOutput();
  EXPECT_EQ(left.Wait(), 0);
}

TEST_F(AetherRunLiveTest, StatisticsComeInTime) {
  Child child({"--tap=live0", "--address=10.0.0.2/24", "--duration=1", "--stats=0.2"});
  EXPECT_EQ(child.Wait(), 0);
  size_t lines = 0;
  for (size_t at = 0; (at = child.output.find("\nstats: ", at)) != std::string::npos; ++at) ++lines;
  EXPECT_GE(lines, 3u);
  EXPECT_LE(lines, 5u);
}

TEST_F(AetherRunLiveTest, Help) {
  Child child({"--help"});
  EXPECT_EQ(child.Wait(), 0);
  for (const char* flag :
       {"--tap=", "--address=", "--gateway=", "--mac=", "--workers=", "--profile=", "--http_port=",
        "--http_root=", "--echo_port=", "--original_echo=", "--backoff=", "--capture=", "--fault=",
        "--duration=", "--stats=", "--seed="}) {
    EXPECT_THAT(child.output, HasSubstr(flag));
  }
}

}  // namespace
}  // namespace aether::runtime
