#include "replay/celeron/celeron_report.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace aether::celeron {
namespace {

// Published for the original program; nothing here is computed from them.
constexpr double kPublishedRate = 3109;
constexpr double kPublishedCycles = 706'000;

std::string Whole(double value) {
  std::string digits = absl::StrFormat("%.0f", value);
  for (size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string Span(const Interval& interval) {
  return absl::StrCat(Whole(interval.low), " to ", Whole(interval.high));
}

std::string Bar(double value, double full) {
  constexpr double kWidth = 44;
  const double length = full > 0 ? std::round(kWidth * value / full) : 0;
  return std::string(static_cast<size_t>(std::clamp(length, 0.0, kWidth)), '#');
}

std::string Opening(const Findings& found) {
  std::string text =
      "# The Celeron measurement\n\n"
      "The original program's headline is 3,109 requests a second on an Intel Celeron 900: a "
      "connection per request, 100 at a time, the Python client on the same core. There is no such "
      "machine here. Three numbers stand for it that are never mixed:\n\n"
      "- **A, modelled replay**: modelled, 90 % interval, not measured on a Celeron.\n"
      "- **B, live on one throttled core** of this machine: it has a Celeron's pace in one "
      "calibration kernel, and the caches, kernel and Python of today.\n"
      "- **C, live native**: one core of this machine, unscaled.\n\n";
  absl::StrAppend(&text, found.measurement.Text("quick") == "yes"
                             ? "**A quick pass: it shows that everything works; no figure of it "
                               "means anything.**\n\n"
                             : "");
  absl::StrAppend(&text, "Machine: ", found.measurement.Text("machine"), ", ",
                  found.measurement.Text("system"), "; commit ", found.measurement.Text("commit"),
                  "; ", found.measurement.Text("date"));
  absl::StrAppendFormat(
      &text,
      "; load average %.1f before the live runs (2 would be all cores busy with others).\n\n",
      found.measurement.Number("load"));
  return text;
}

std::string LiveRow(const Findings& found, const char* title, const std::string& profile,
                    const std::string& run, const char* client) {
  const Measurement& measured = found.measurement;
  const auto rates = measured.live.find(absl::StrCat(run, ".", profile, ".", client));
  if (rates == measured.live.end()) return "";
  const auto per_cpu = measured.live_per_cpu_s.find(rates->first);
  return absl::StrFormat("| %s | %s | %s | %s | %s (rounds) | %s |\n", title, profile, client,
                         Whole(rates->second.median), Span(rates->second),
                         per_cpu == measured.live_per_cpu_s.end() ? "" : Whole(per_cpu->second));
}

std::string Numbers(const Findings& found) {
  std::string text =
      "## The three numbers\n\n"
      "| number | profile | client | requests/s | range | requests per CPU second |\n"
      "|---|---|---|--:|---|--:|\n";
  for (const auto& [profile, estimate] : found.modelled)
    absl::StrAppendFormat(&text, "| A, modelled | %s | python | %s | %s (90 %% interval) | |\n",
                          profile, Whole(estimate.rate_per_s.median), Span(estimate.rate_per_s));
  for (const char* profile : {"classic", "full"}) {
    for (const char* client : {"python", "wrk"}) {
      absl::StrAppend(&text, LiveRow(found, "B, one throttled core", profile, "b", client));
      absl::StrAppend(&text, LiveRow(found, "B, share at its lower end", profile, "b_low", client));
      absl::StrAppend(&text,
                      LiveRow(found, "B, share at its upper end", profile, "b_high", client));
    }
  }
  for (const char* profile : {"classic", "full"})
    for (const char* client : {"python", "wrk"})
      absl::StrAppend(&text, LiveRow(found, "C, native, one core", profile, "c", client));
  absl::StrAppend(
      &text,
      "| published, not re-measured | original program | python | 3,109 | no range given | |\n\n"
      "Beside them, from earlier runs that were not repeated here (its own client, all on one "
      "core "
      "of such a virtual machine): the original program 9,700 to 10,700 a second, median 10,200, "
      "so that machine is 3.3 times the Celeron on this workload; a stateless reflector in its "
      "place 10,100 to 11,700, median 11,300. The stack's own share of the headline is about a "
      "tenth.\n\n");
  absl::StrAppendFormat(
      &text,
      "B's core gets %.1f %% of its time (%.1f to %.1f %%): what makes the calibration kernel as "
      "fast "
      "as %s. Under that limit the kernel ran at %.1f %% of its speed without one.\n\n",
      found.share.median * 100, found.share.low * 100, found.share.high * 100,
      found.has_constants ? "the owner of such a machine measured it"
                          : "the model says it is there",
      found.measurement.Number("share.achieved") * 100);
  if (const double errors = found.measurement.Number("live_errors"); errors > 0)
    absl::StrAppend(&text, "Requests without an answer in all live runs: ", Whole(errors), ".\n\n");
  return text;
}

std::string Bars(const Findings& found) {
  std::string text =
      "## Where A's cycles go\n\n"
      "Cycles of a connection with its request on the modelled core; the bar is the median. "
      "Published: "
      "706,000 for all of it.\n\n```\n";
  double full = 0;
  for (const auto& [profile, estimate] : found.modelled)
    full = std::max(full, estimate.cycles.median);
  for (const auto& [profile, estimate] : found.modelled) {
    for (const Part& part : estimate.parts)
      absl::StrAppendFormat(&text, "%-8s %-17s %9s %-22s %s\n", profile, part.name,
                            Whole(part.cycles.median), absl::StrCat("(", Span(part.cycles), ")"),
                            Bar(part.cycles.median, full));
    absl::StrAppendFormat(
        &text, "%-8s %-17s %9s %-22s %s\n\n", profile, "all", Whole(estimate.cycles.median),
        absl::StrCat("(", Span(estimate.cycles), ")"), Bar(estimate.cycles.median, full));
  }
  absl::StrAppend(&text, "```\n\nWere stack and application all that the core had to do: ");
  std::string between;
  for (const auto& [profile, estimate] : found.modelled) {
    absl::StrAppend(&text, between, profile, " ", Whole(estimate.stack_rate_per_s.median), " (",
                    Span(estimate.stack_rate_per_s), ")");
    between = ", ";
  }
  absl::StrAppend(
      &text,
      " connections a second. Stack and application were counted in the replayed frames, the "
      "client "
      "in its own code under callgrind. Kernel crossings cannot be counted from outside: they are "
      "CPU time of this machine's kernel for server and client, as a multiple of the client's "
      "own, which is modelled, times the prior `kernel`.\n\n");
  return text;
}

std::string CountRows(const Findings& found) {
  std::string text =
      "| of a connection | instructions | mispredictions | L1 misses | L2 misses | CPU time here, "
      "ns "
      "|\n|---|--:|--:|--:|--:|--:|\n";
  const auto row = [&text](const std::string& name, const Counts& counts, const std::string& ns) {
    absl::StrAppendFormat(&text, "| %s | %s | %.1f | %.1f | %.2f | %s |\n", name,
                          Whole(counts.instructions), counts.branch_misses, counts.l1_misses,
                          counts.ll_misses, ns);
  };
  for (const auto& [profile, workload] : found.measurement.workloads) {
    row(profile + ": stack", workload.stack,
        absl::StrCat(Whole(found.measurement.Number(profile + ".server_user_ns")),
                     " (server, user)"));
    row(profile + ": application", workload.application, "");
    absl::StrAppend(&text, "| ", profile, ": kernel, server | | | | | ",
                    Whole(found.measurement.Number(profile + ".server_system_ns")), " |\n| ",
                    profile, ": kernel, client | | | | | ",
                    Whole(found.measurement.Number(profile + ".client_system_ns")), " |\n");
  }
  row("client", found.measurement.workloads.at("full").client,
      Whole(found.measurement.workloads.at("full").client_user_ns));
  return absl::StrCat("## What was counted\n\nSlopes between ",
                      Whole(found.measurement.Number("connections.low")), " and ",
                      Whole(found.measurement.Number("connections.high")),
                      " connections of the captured workload (the client: between ",
                      Whole(found.measurement.Number("client_requests.low")), " and ",
                      Whole(found.measurement.Number("client_requests.high")),
                      " requests), code built with -march=core2, caches of the Celeron in "
                      "callgrind: L1 32 KiB 8-way "
                      "twice, L2 1 MiB 4-way, lines of 64 bytes.\n\n",
                      text, "\n");
}

std::string Tornado(const Findings& found) {
  const Estimate& estimate = found.modelled.at("full");
  std::string text =
      "## What A depends on\n\nRequests a second of `full` with one assumption at its ends, the "
      "others "
      "in their middles.\n\n```\n";
  double widest = 0;
  for (const Swing& swing : estimate.swings)
    widest = std::max(widest, std::abs(swing.at_low - swing.at_high));
  for (const Swing& swing : estimate.swings)
    absl::StrAppendFormat(&text, "%-12s %7s to %7s  %s\n", swing.name, Whole(swing.at_low),
                          Whole(swing.at_high),
                          Bar(std::abs(swing.at_low - swing.at_high), widest));
  absl::StrAppend(&text, "```\n\n| assumption | range | unit | source |\n|---|--:|---|---|\n");
  for (const auto& [name, range] : found.priors)
    absl::StrAppendFormat(&text, "| %s | %.4g to %.4g | %s | %s |\n", name, range.low, range.high,
                          range.unit, range.source);
  absl::StrAppend(&text,
                  "\n`cycles = I*b + Bm*cbr + L1m*c2*h + LLm*cmem*x + tlb*I`. No term is fitted to "
                  "3,109.\n\n");
  return text;
}

void AddCase(std::string& text, const std::string& name, double measured, double predicted) {
  absl::StrAppendFormat(&text, "| %s | %.4g | %.4g | %.2f |\n", name, measured, predicted,
                        predicted / measured);
}

std::string ValidationPart(const Findings& found) {
  const Validation& validation = found.validation;
  std::string text = absl::StrFormat(
      "## Is the model to be believed?\n\nThe same model on this machine (%.2f GHz, L2 hit %.0f "
      "cycles, "
      "beyond L2 %.0f, misprediction %.0f), with this machine's caches in callgrind, against the "
      "shortest of many runs. Each kernel is predicted by coefficients learnt of all the "
      "others.\n\n"
      "| kernel | cycles measured | predicted | ratio |\n|---|--:|--:|--:|\n",
      found.measurement.here_ghz, found.measurement.here.c2, found.measurement.here.cmem,
      found.measurement.here.cbr);
  for (const ValidationRow& row : validation.rows)
    AddCase(text, row.name, row.measured_cycles, row.predicted_cycles);
  for (const ValidationCase& one : found.measurement.held_out)
    AddCase(text, absl::StrCat("held out: ", one.name), one.measured_cycles,
            Cycles(one.counts, validation.here));
  absl::StrAppendFormat(
      &text,
      "\nLeave-one-out error: a factor of %.2f (root mean square of the logarithms). It is part of "
      "A's "
      "interval: every draw is multiplied by a factor of that spread. Programs that were held out "
      "are no part of the error: the server's and the client's own CPU time in C, and the replay, "
      "whose "
      "time has page faults of memory that is new to it. callgrind's predictor and caches are "
      "simple: real ones "
      "predict more, and prefetch.\n\n",
      std::exp(validation.error));
  return text;
}

std::string Closing(const Findings& found) {
  return absl::StrCat(
      "## What the figures mean, and what not\n\n"
      "- A says what a Celeron 900 would do if the priors and the model hold, with today's kernel "
      "and "
      "Python. Nothing was measured on a Celeron, and the interval is about what the model knows "
      "that it does not know.\n"
      "- Most of a connection's cycles are the client's and the kernel's. A better stack moves the "
      "headline only by its own share; a better headline with the same stack means a better client "
      "or kernel.\n"
      "- A and the published figure are not the same experiment: another kernel, another Python, "
      "another program. That A is above or below 3,109 proves neither better nor worse code.\n"
      "- `classic` and `full` differ in the stack's bar. What the kernel did for the server is "
      "measured anew "
      "for each, and its noise is larger than what they differ by.\n"
      "- The client was written anew, on plain sockets. If the published run's did more for a "
      "request, "
      "as its 706,000 cycles and the earlier 10,200 a second suggest, A and B are above it for "
      "that "
      "reason, and not for the stack's.\n"
      "- B slows everything by one factor. A Celeron's caches, bus and branch predictor are "
      "not slower by one factor.\n"
      "- C is this machine and nothing else. On a machine with other load it is too low; requests "
      "per CPU second suffer less.\n"
      "- The replay counts 100 clients' connections with warm caches, in which the kernel's and "
      "the "
      "client's share of a 1 MiB L2 is not seen: the stack's L2 misses are too few.\n\n"
      "Again: `aether-replay --celeron` as root (some minutes). An owner of a Celeron builds "
      "`replay/celeron/celeron_probe.cc` there and passes its output with "
      "`--celeron-constants=FILE`: clock, latencies, misprediction and B's pace are then that "
      "machine's",
      found.has_constants ? ", as here.\n" : ".\n");
}

std::string JsonInterval(const Interval& interval) {
  return absl::StrFormat("{\"low\": %.6g, \"median\": %.6g, \"high\": %.6g}", interval.low,
                         interval.median, interval.high);
}

}  // namespace

std::string CeleronMarkdown(const Findings& found) {
  return absl::StrCat(Opening(found), Numbers(found), Bars(found), CountRows(found), Tornado(found),
                      absl::StrCat(ValidationPart(found), Closing(found)));
}

std::string CeleronJson(const Findings& found) {
  std::string text = "{\n \"words\": \"modelled, 90 % interval, not measured on a Celeron\",\n";
  absl::StrAppendFormat(&text,
                        " \"seed\": %u,\n \"model_error\": %.4f,\n \"share\": %s,\n \"a\": {",
                        found.options.seed, found.validation.error, JsonInterval(found.share));
  std::string between;
  for (const auto& [profile, estimate] : found.modelled) {
    absl::StrAppend(&text, between, "\n  \"", profile,
                    "\": {\"rate_per_s\": ", JsonInterval(estimate.rate_per_s),
                    ", \"cycles\": ", JsonInterval(estimate.cycles));
    for (const Part& part : estimate.parts)
      absl::StrAppend(&text, ",\n   \"", part.name, "\": ", JsonInterval(part.cycles));
    absl::StrAppend(&text, "}");
    between = ",";
  }
  absl::StrAppend(&text, "\n },\n \"live\": {");
  between.clear();
  for (const auto& [name, rates] : found.measurement.live) {
    absl::StrAppend(&text, between, "\n  \"", name, "\": ", JsonInterval(rates));
    between = ",";
  }
  absl::StrAppendFormat(&text,
                        "\n },\n \"published\": {\"rate_per_s\": %.0f, \"cycles\": %.0f, "
                        "\"re_measured\": false}\n}\n",
                        kPublishedRate, kPublishedCycles);
  return text;
}

}  // namespace aether::celeron
