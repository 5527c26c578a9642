// A median and how far it can be trusted: the interval between two order statistics that holds the
// true median with a probability of at least 95 %, whatever the distribution is.
#pragma once

#include <vector>

namespace aether::bench {

struct Median {
  double value = 0;
  double low = 0;
  double high = 0;
};

// Of at least one value. With fewer than six the interval is all there is, and holds less.
Median MedianOf(std::vector<double> values);

// The value below which `share` of them lie.
double QuantileOf(std::vector<double>& values, double share);

}  // namespace aether::bench
