#include "bench/report/gate.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace aether::perf {

namespace {

class Gate {
 public:
  explicit Gate(const GateInput& input) : input_(input) {}

  GateOutcome Decide() {
    CheckInput();
    CheckSelfTest();
    CheckRegressions();
    CheckUnresolved();
    if (outcome_.code == GateCode::kFine)
      outcome_.sentences.push_back(absl::StrCat("passed: ", VerdictLine(input_.comparison)));
    return std::move(outcome_);
  }

 private:
  // What comes first decides the code: input, self-test, regression, unresolved.
  void Fail(GateCode code, std::string sentence) {
    if (outcome_.code == GateCode::kFine) outcome_.code = code;
    outcome_.sentences.push_back(std::move(sentence));
  }

  void CheckInput() {
    const Comparison& comparison = input_.comparison;
    if (comparison.rows.empty()) Fail(GateCode::kInput, "nothing was compared");
    if (!comparison.is_complete)
      Fail(GateCode::kInput, "the comparison was stopped; go on with compare --resume");
    for (const RowRule& rule : input_.rules)
      if (Find(rule.row) == nullptr)
        Fail(GateCode::kInput, absl::StrCat(rule.row, ": was to be compared and is missing"));
    for (const ComparedRow& row : comparison.rows) {
      const auto rule = std::ranges::find(input_.rules, row.rule.row, &RowRule::row);
      if (rule == input_.rules.end()) {
        Fail(GateCode::kInput, absl::StrCat(row.rule.row, ": is not a known row of this set"));
      } else if (rule->minimum_effect != row.rule.minimum_effect ||
                 rule->is_higher_better != row.rule.is_higher_better ||
                 rule->unit != row.rule.unit) {
        Fail(GateCode::kInput,
             absl::StrCat(row.rule.row, ": was compared with another unit, effect or direction"));
      }
      if (row.identical.empty() && row.base.size() < kPairsMin)
        Fail(GateCode::kInput, absl::StrCat(row.rule.row, ": ", row.base.size(),
                                            " pairs are too few; ", kPairsMin, " are needed"));
    }
    if (!input_.fixed) return;
    for (const std::string& sentence : input_.fixed->broken) Fail(GateCode::kInput, sentence);
  }

  void CheckSelfTest() {
    if (input_.self_test_passed && !*input_.self_test_passed)
      Fail(GateCode::kSelfTest, "the self-test failed: no word of this gate means anything");
    if (const size_t alarms = input_.comparison.twin_alarms(); alarms != 0)
      Fail(GateCode::kSelfTest,
           absl::StrCat("the A/A twin raised ", alarms, " alarms: a build differs from itself"));
  }

  void CheckRegressions() {
    for (const ComparedRow& row : input_.comparison.rows) {
      if (row.verdict.word != Word::kRegressed) continue;
      const std::string says =
          absl::StrFormat("%s: REGRESSED, %.4f of the base (%.4f to %.4f)", row.rule.row,
                          row.verdict.ratio, row.verdict.low, row.verdict.high);
      if (const AcceptedChange* accepted = AcceptedFor(row))
        outcome_.sentences.push_back(absl::StrCat(says, ": accepted, ", accepted->reason));
      else
        Fail(GateCode::kRegression, says);
    }
    if (!input_.fixed) return;
    for (const std::string& sentence : input_.fixed->worse) Fail(GateCode::kRegression, sentence);
    for (const std::string& sentence : input_.fixed->better)
      outcome_.sentences.push_back(
          absl::StrCat(sentence, ": better; take it (bench/limits --set)"));
  }

  void CheckUnresolved() {
    const Comparison& comparison = input_.comparison;
    const size_t open = comparison.Count(Word::kUnstable) + comparison.Count(Word::kInconclusive);
    const double allowed = input_.unresolved_max * static_cast<double>(comparison.rows.size());
    if (static_cast<double>(open) > allowed)
      Fail(GateCode::kUnresolved,
           absl::StrFormat("%d of %d rows are UNSTABLE or INCONCLUSIVE; %.0f may be", open,
                           comparison.rows.size(), allowed));
  }

  const AcceptedChange* AcceptedFor(const ComparedRow& row) const {
    const double ratio = row.rule.is_higher_better ? 1 / row.verdict.ratio : row.verdict.ratio;
    for (const AcceptedChange& accepted : input_.accepted) {
      if (accepted.row != row.rule.row || ratio - 1 > accepted.loss_max) continue;
      for (const std::string& commit : input_.commits)
        if (commit.starts_with(accepted.commit)) return &accepted;
    }
    return nullptr;
  }

  const ComparedRow* Find(const std::string& name) const {
    for (const ComparedRow& row : input_.comparison.rows)
      if (row.rule.row == name) return &row;
    return nullptr;
  }

  const GateInput& input_;
  GateOutcome outcome_;
};

}  // namespace

GateOutcome Decide(const GateInput& input) { return Gate(input).Decide(); }

}  // namespace aether::perf
