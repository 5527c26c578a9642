#include "stack/runtime/fetch_options.h"

#include <utility>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "stack/runtime/flag_values.h"

// Each text says what the flag takes; a malformed value is answered with it.
ABSL_FLAG(std::string, dns, "",
          "the addresses of DNS servers, as 10.0.0.1,10.0.0.2; empty: those of the DHCP lease");
ABSL_FLAG(std::string, output, "-",
          "the name of a file for what is fetched, {} in it for the number of the fetch; -: the "
          "standard output");
ABSL_FLAG(bool, head, false, "true or false: ask for headers alone, and print them");
ABSL_FLAG(bool, include, false, "true or false: print headers before what is fetched");
ABSL_FLAG(bool, verbose, false, "true or false: say on the standard error what happens");
ABSL_FLAG(double, max_time, 0, "the seconds that a fetch may take in all; 0: any");
ABSL_FLAG(double, connect_timeout, 30, "the seconds that connecting may take; 0: any");
ABSL_FLAG(double, idle_timeout, 60, "the seconds that a server may be silent; 0: any");
ABSL_FLAG(int32_t, max_redirects, 10, "how many redirects are followed, from 0 to 100");
ABSL_FLAG(int32_t, repeat, 1, "how often each URL is fetched, from 1 to 1000000");
ABSL_FLAG(int32_t, parallel, 1, "over how many connections at once, from 1 to 1000");

namespace aether::runtime {
namespace {

absl::Status ReadCount(std::string_view name, int32_t value, uint32_t min, uint32_t max,
                       uint32_t& count) {
  if (value < 0 || static_cast<uint32_t>(value) < min || static_cast<uint32_t>(value) > max) {
    return Malformed(name, absl::StrCat(value), absl::StrCat("a number from ", min, " to ", max));
  }
  count = static_cast<uint32_t>(value);
  return absl::OkStatus();
}

absl::Status ReadServers(std::vector<Ipv4Address>& servers) {
  const std::string text = absl::GetFlag(FLAGS_dns);
  if (text.empty()) return absl::OkStatus();
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    const auto address = ParseAddress(std::string_view(part.data(), part.size()));
    if (!address || !address->IsUnicast())
      return Malformed("dns", text, "addresses of hosts, as 10.0.0.1,10.0.0.2");
    servers.push_back(*address);
  }
  if (servers.size() > app::DnsResolver::kServersMax)
    return Malformed("dns", text, "at most four addresses");
  return absl::OkStatus();
}

absl::Status ReadUrls(const std::vector<std::string>& texts, std::vector<app::HttpUrl>& urls) {
  if (texts.empty()) {
    return absl::InvalidArgumentError(
        "no URL is given: name one, as aether-fetch http://10.0.0.1/ (--help lists the flags)");
  }
  for (const std::string& text : texts) {
    auto url = app::HttpUrl::Parse(text);
    if (!url) return absl::InvalidArgumentError(url.error());
    urls.push_back(*std::move(url));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<FetchProgramOptions> FetchOptionsFromFlags(const std::vector<std::string>& urls) {
  FetchProgramOptions options;
  FetchPlan& plan = options.plan;
  plan.output = absl::GetFlag(FLAGS_output);
  plan.include = absl::GetFlag(FLAGS_include);
  plan.verbose = absl::GetFlag(FLAGS_verbose);
  plan.fetch.head = absl::GetFlag(FLAGS_head);
  if (plan.output.empty())
    return Malformed("output", "", "the name of a file, or - for the standard output");
  absl::Status status = ReadUrls(urls, plan.urls);
  status.Update(ReadServers(options.dns_servers));
  status.Update(ReadSeconds("max_time", absl::GetFlag(FLAGS_max_time), plan.fetch.time_max));
  status.Update(ReadSeconds("connect_timeout", absl::GetFlag(FLAGS_connect_timeout),
                            plan.fetch.connect_timeout));
  status.Update(
      ReadSeconds("idle_timeout", absl::GetFlag(FLAGS_idle_timeout), plan.fetch.idle_timeout));
  status.Update(ReadCount("max_redirects", absl::GetFlag(FLAGS_max_redirects), 0,
                          kFetchRedirectsMax, plan.fetch.redirects_max));
  status.Update(ReadCount("repeat", absl::GetFlag(FLAGS_repeat), 1, kFetchRepeatMax, plan.repeat));
  status.Update(
      ReadCount("parallel", absl::GetFlag(FLAGS_parallel), 1, kFetchParallelMax, plan.parallel));
  status.Update(ReadStackFlags(options));
  if (!status.ok()) return status;
  return options;
}

}  // namespace aether::runtime
