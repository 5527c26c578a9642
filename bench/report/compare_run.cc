#include "bench/report/compare_run.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "bench/report/bench_program.h"
#include "bench/report/block_plan.h"
#include "bench/report/counted_case.h"
#include "bench/report/files.h"
#include "bench/report/identity.h"
#include "bench/report/journal.h"
#include "bench/report/process.h"

namespace aether::perf {

namespace {

struct Programs {
  BenchProgram base;
  BenchProgram head;
  bool is_identical = false;
};

class Measurement {
 public:
  explicit Measurement(const CompareOptions& options) : options_(options), begin_(absl::Now()) {}

  absl::StatusOr<Comparison> Go() {
    absl::Status status = Prepare();
    if (status.ok()) status = MeasureAll();
    if (!status.ok() && !absl::IsCancelled(status)) return status;
    comparison_.is_complete = status.ok();
    Collect();
    if (status.ok() && options_.is_counting) status = CountAll();
    if (!status.ok() && !absl::IsCancelled(status)) return status;
    JudgeComparison(comparison_);
    comparison_.seconds = absl::ToDoubleSeconds(absl::Now() - begin_);
    return comparison_;
  }

 private:
  void Say(const std::string& line) const {
    if (options_.is_quiet) return;
    std::fprintf(stderr, "%s\n", line.c_str());
  }

  absl::Status Prepare() {
    if (options_.rules.empty())
      return absl::InvalidArgumentError("no row is left to compare; look at --set and --rows");
    if (absl::Status made = MakeDirectories(options_.out); !made.ok()) return made;
    std::set<std::string> names;
    for (const RowRule& rule : options_.rules) names.insert(rule.program);
    for (const std::string& name : names) {
      programs_.emplace(name, Programs{BenchProgram(options_.base, name, options_.out),
                                       BenchProgram(options_.head, name, options_.out)});
      for (const BenchProgram* program : {&programs_.at(name).base, &programs_.at(name).head})
        if (!FileExists(program->path()))
          return absl::NotFoundError(
              absl::StrCat("no ", program->path(), "; build the target ", name, " first"));
    }
    for (auto& [name, pair] : programs_) {
      Say(absl::StrCat("checking the results of ", name));
      for (BenchProgram* program : {&pair.base, &pair.head})
        if (absl::Status checked = program->Check(); !checked.ok()) return checked;
    }
    if (absl::Status read = ReadContexts(); !read.ok()) return read;
    if (absl::Status found = FindIdentical(); !found.ok()) return found;
    for (const RowRule& rule : options_.rules) comparison_.rows.push_back({.rule = rule});
    for (ComparedRow& row : comparison_.rows)
      if (programs_.at(row.rule.program).is_identical && !options_.is_identical_timed)
        row.identical = "the same machine code";
    return OpenJournal();
  }

  // From one short row of each side.
  absl::Status ReadContexts() {
    const RowRule& rule = options_.rules.front();
    Programs& pair = programs_.at(rule.program);
    for (BenchProgram* program : {&pair.base, &pair.head})
      if (const auto timed = program->Time(rule.row, 1); !timed.ok()) return timed.status();
    comparison_.base = {.folder = options_.base, .context = pair.base.context()};
    comparison_.head = {.folder = options_.head, .context = pair.head.context()};
    comparison_.base.commit = comparison_.base.Find("commit");
    comparison_.head.commit = comparison_.head.Find("commit");
    comparison_.alpha = options_.alpha;
    comparison_.seed = options_.seed;
    comparison_.command = options_.command;
    comparison_.date = absl::FormatTime(absl::RFC3339_sec, begin_, absl::UTCTimeZone());
    double load = 0;
    if (::getloadavg(&load, 1) == 1) comparison_.load = load;
    return absl::OkStatus();
  }

  absl::Status FindIdentical() {
    for (auto& [name, pair] : programs_) {
      const auto base = LoadedContent(pair.base.path(), comparison_.base.commit);
      if (!base.ok()) return base.status();
      const auto head = LoadedContent(pair.head.path(), comparison_.head.commit);
      if (!head.ok()) return head.status();
      pair.is_identical = *base == *head;
      digests_.first.push_back(Digest(*base));
      digests_.second.push_back(Digest(*head));
    }
    return absl::OkStatus();
  }

  absl::Status OpenJournal() {
    size_t timed = 0;
    for (const ComparedRow& row : comparison_.rows) timed += row.identical.empty() ? 1u : 0u;
    const size_t pairs = options_.pairs != 0 ? options_.pairs : PairsFor(timed, options_.alpha);
    blocks_ = (pairs + 1) / 2;
    const std::string path = absl::StrCat(options_.out, "/samples.jsonl");
    Journal::Header header{.seed = options_.seed,
                           .base = comparison_.base.commit,
                           .head = comparison_.head.commit,
                           .base_digest = absl::StrJoin(digests_.first, " "),
                           .head_digest = absl::StrJoin(digests_.second, " ")};
    if (options_.is_resumed) {
      // The seed is the earlier run's.
      const auto before = Journal::ReadHeader(path);
      if (!before.ok()) return before.status();
      header.seed = comparison_.seed = before->seed;
    }
    absl::StatusOr<Journal> journal =
        options_.is_resumed ? Journal::Resume(path, header) : Journal::Create(path, header);
    if (!journal.ok()) return journal.status();
    journal_.emplace(*std::move(journal));
    if (options_.pairs == 0 && journal_->planned_blocks() != 0)
      blocks_ = std::clamp(journal_->planned_blocks(), blocks_, std::max(blocks_, kBlocksMax));
    comparison_.pairs_planned = 2 * blocks_;
    Say(absl::StrCat(comparison_.rows.size(), " rows, ", timed, " of them timed, ", 2 * blocks_,
                     " pairs each, seed ", comparison_.seed));
    return absl::OkStatus();
  }

  absl::Status MeasureAll() {
    for (ComparedRow& row : comparison_.rows) {
      if (!row.identical.empty()) continue;
      Programs& pair = programs_.at(row.rule.program);
      if (absl::Status found = FindIterations(pair.base, row.rule.row, row.iterations); !found.ok())
        return found;
      uint64_t of_bound = 0;
      if (row.rule.bound.empty()) continue;
      if (absl::Status found = FindIterations(pair.head, row.rule.bound, of_bound); !found.ok())
        return found;
    }
    for (size_t block = 0; block < blocks_; ++block) {
      const absl::Time begin = absl::Now();
      const bool is_first = block == 0 && !HasBlock(block);
      for (const BlockStep& step : PlanBlock(comparison_.seed, block, comparison_.rows.size()))
        if (absl::Status measured = Measure(step, block); !measured.ok()) return measured;
      if (is_first)
        if (absl::Status planned = FillMinutes(absl::Now() - begin); !planned.ok()) return planned;
      Say(absl::StrCat("pairs ", 2 * block + 2, " of ", 2 * blocks_, ", ",
                       absl::FormatDuration(absl::Trunc(absl::Now() - begin_, absl::Seconds(1)))));
    }
    return absl::OkStatus();
  }

  // Whether any row has been measured in this block, by an earlier run.
  bool HasBlock(size_t block) const {
    for (const ComparedRow& row : comparison_.rows)
      if (journal_->Find(row.rule.row, block) != nullptr) return true;
    return false;
  }

  // Where few rows are left to time each gets more pairs. How many is decided before anything of
  // what was measured is looked at: to go on until it suits would be another test.
  absl::Status FillMinutes(absl::Duration of_a_block) {
    if (options_.pairs != 0 || options_.minutes <= 0 || journal_->planned_blocks() != 0)
      return absl::OkStatus();
    blocks_ = BlocksFor(blocks_, options_.minutes, absl::ToDoubleSeconds(of_a_block));
    comparison_.pairs_planned = 2 * blocks_;
    return journal_->AddPlan(blocks_);
  }

  absl::Status FindIterations(BenchProgram& program, const std::string& row, uint64_t& iterations) {
    iterations = journal_->Iterations(row);
    if (iterations != 0) return absl::OkStatus();
    const auto found = program.Calibrate(row, options_.sample_seconds);
    if (!found.ok()) return found.status();
    iterations = *found;
    return journal_->AddIterations(row, iterations);
  }

  absl::Status Measure(const BlockStep& step, size_t block) {
    const ComparedRow& row = comparison_.rows[step.row];
    if (!row.identical.empty() || journal_->Find(row.rule.row, block) != nullptr)
      return absl::OkStatus();
    Programs& pair = programs_.at(row.rule.program);
    Journal::Block values;
    for (size_t i = 0; i < step.order.size(); ++i) {
      BenchProgram& program = step.order[i] == Which::kBase ? pair.base : pair.head;
      const auto sample = program.Time(row.rule.row, row.iterations);
      if (!sample.ok()) return sample.status();
      values.values[i] = sample->value;
    }
    if (!row.rule.bound.empty()) {
      const auto sample = pair.head.Time(row.rule.bound, journal_->Iterations(row.rule.bound));
      if (!sample.ok()) return sample.status();
      values.bound = sample->value;
    }
    return journal_->AddBlock(row.rule.row, block, values);
  }

  // From the journal, whoever wrote it.
  void Collect() {
    if (!journal_) return;
    for (size_t block = 0; block < blocks_; ++block) {
      for (const BlockStep& step : PlanBlock(comparison_.seed, block, comparison_.rows.size())) {
        ComparedRow& row = comparison_.rows[step.row];
        const Journal::Block* found = journal_->Find(row.rule.row, block);
        if (found != nullptr) Take(step, *found, row);
      }
    }
  }

  static void Take(const BlockStep& step, const Journal::Block& block, ComparedRow& row) {
    std::vector<double> base;
    std::vector<double> head;
    for (size_t i = 0; i < step.order.size(); ++i)
      (step.order[i] == Which::kBase ? base : head).push_back(block.values[i]);
    row.base.insert(row.base.end(), base.begin(), base.end());
    row.head.insert(row.head.end(), head.begin(), head.end());
    row.twin.push_back(std::log(base[1] / base[0]) * (step.is_base_twin_reversed ? -1 : 1));
    row.twin.push_back(std::log(head[1] / head[0]) * (step.is_head_twin_reversed ? -1 : 1));
    if (!row.rule.bound.empty()) row.bound.push_back(block.bound);
  }

  absl::Status CountAll() {
    if (const std::string why = WhyNotCounted(); !why.empty()) {
      Say(absl::StrCat("instructions are not counted: ", why));
      return absl::OkStatus();
    }
    for (ComparedRow& row : comparison_.rows) {
      if (row.rule.counted_case.empty() || !row.identical.empty()) continue;
      Say(absl::StrCat("counting the instructions of ", row.rule.counted_case));
      const Programs& pair = programs_.at(row.rule.program);
      for (const bool is_head : {false, true}) {
        const auto counted =
            CountCase(is_head ? pair.head.path() : pair.base.path(), row.rule.counted_case,
                      absl::StrCat(options_.out, "/callgrind/", is_head ? "head" : "base"));
        if (!counted.ok()) return counted.status();
        (is_head ? row.head_instructions : row.base_instructions) = *counted;
      }
    }
    return absl::OkStatus();
  }

  const CompareOptions& options_;
  const absl::Time begin_;
  std::map<std::string, Programs> programs_;
  std::pair<std::vector<std::string>, std::vector<std::string>> digests_;
  std::optional<Journal> journal_;
  size_t blocks_ = 0;
  Comparison comparison_;
};

}  // namespace

absl::StatusOr<Comparison> RunComparison(const CompareOptions& options) {
  return Measurement(options).Go();
}

absl::Status WriteComparison(const std::string& out, const Comparison& comparison) {
  for (const auto& [name, text] : {std::pair("compare.json", ToJson(comparison)),
                                   std::pair("compare.md", ToMarkdown(comparison)),
                                   std::pair("compare.txt", ToText(comparison))})
    if (absl::Status written = WriteFile(absl::StrCat(out, "/", name), text); !written.ok())
      return written;
  return absl::OkStatus();
}

}  // namespace aether::perf
