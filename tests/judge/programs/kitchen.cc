// Does one thing in each of its functions, which are named after it.
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <mutex>
#include <regex.h>
#include <regex>
#include <sqlite3.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>
#include <zlib.h>

#define NOINLINE __attribute__((noinline, noclone))

static std::string text;
static sqlite3 *database;

extern "C" int row(void *, int, char **, char **) { return 0; }

namespace kitchen {
std::mutex mutex;
long count;

NOINLINE void do_database() {
  for (int i = 0; i < 3; i++)
    sqlite3_exec(database, "select count(*), max(b) from t where b like '%9%'", row, nullptr, nullptr);
}

NOINLINE void do_compression() {
  std::vector<unsigned char> out(compressBound(text.size()));
  uLongf size = out.size();
  compress(out.data(), &size, reinterpret_cast<const Bytef *>(text.data()), text.size());
}

NOINLINE void do_regex() {
  std::regex pattern("(\\w+)\\s*:\\s*(\\w+)");
  std::string part = text.substr(0, 600);
  for (std::sregex_iterator i(part.begin(), part.end(), pattern), end; i != end; ++i)
    count++;
}

NOINLINE void do_regex_posix() {
  regex_t pattern;
  regmatch_t match[2];
  const char *at = text.c_str();
  regcomp(&pattern, "([a-z]+)[0-9]*", REG_EXTENDED);
  for (int i = 0; i < 200 && !regexec(&pattern, at, 2, match, 0); i++)
    at += match[0].rm_eo;
  regfree(&pattern);
}

NOINLINE void do_locks_worker() {
  for (int i = 0; i < 20000; i++) {
    std::lock_guard<std::mutex> guard(mutex);
    count++;
  }
}

NOINLINE void do_allocation() {
  std::vector<char *> all;
  for (int i = 0; i < 20000; i++)
    all.push_back(static_cast<char *>(malloc(20 + i % 500)));
  for (auto p : all)
    free(p);
}

NOINLINE void do_other() {
  volatile long total = 0;
  for (int i = 0; i < 600000; i++)
    total += i * i;
}

NOINLINE void do_io() {
  int pair[2];
  char buffer[1000];
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  for (int i = 0; i < 300; i++) {
    send(pair[0], text.data(), 1000, 0);
    recv(pair[1], buffer, 1000, 0);
  }
  close(pair[0]);
  close(pair[1]);
}

NOINLINE void do_runtime() {
  for (int i = 0; i < 300; i++)
    try {
      throw i;
    } catch (int) {
      count++;
    }
}
} // namespace kitchen

int main() {
  for (int i = 0; i < 3000; i++)
    text += "name" + std::to_string(i) + " : value" + std::to_string(i * 7) + "\n";
  text.resize(30000);
  sqlite3_open(":memory:", &database);
  sqlite3_exec(database, "create table t(a,b)", nullptr, nullptr, nullptr);
  for (int i = 0; i < 2000; i++) {
    std::string number = std::to_string(i);
    sqlite3_exec(database, ("insert into t values(" + number + ",'" + number + "')").c_str(), nullptr, nullptr, nullptr);
  }
  for (time_t end = time(nullptr) + 6; time(nullptr) < end;) {
    kitchen::do_database();
    kitchen::do_compression();
    kitchen::do_regex();
    kitchen::do_regex_posix();
    kitchen::do_allocation();
    kitchen::do_other();
    kitchen::do_io();
    kitchen::do_runtime();
    std::thread a(kitchen::do_locks_worker), b(kitchen::do_locks_worker);
    a.join();
    b.join();
  }
}
