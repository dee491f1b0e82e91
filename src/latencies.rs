//! How long calls took, as percentiles.

use hdrhistogram::Histogram;
use std::time::Duration;

/// The significant digits of a latency.
const DIGITS: u8 = 3;

/// The longest latency that is told from longer ones: an hour, in microseconds.
const MICROS_MAX: u64 = 60 * 60 * 1_000_000;

/// Latencies in microseconds.
#[derive(Clone, Debug)]
pub(crate) struct Latencies {
    histogram: Histogram<u64>,
}

impl Default for Latencies {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, MICROS_MAX, DIGITS);
        Self {
            histogram: histogram.expect("an hour at three digits is within the histogram's limits"),
        }
    }
}

impl Latencies {
    /// Adds one.
    pub(crate) fn record(&mut self, time: Duration) {
        self.histogram
            .saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// Adds all of others.
    pub(crate) fn join(&mut self, others: &Self) {
        let joined = self.histogram.add(&others.histogram);
        joined.expect("both histograms have the same limits");
    }

    /// Returns how many there are.
    pub(crate) fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// Returns the latency in microseconds that this share of them does not exceed.
    pub(crate) fn micros_at(&self, quantile: f64) -> u64 {
        self.histogram.value_at_quantile(quantile)
    }

    /// Returns the longest in microseconds.
    pub(crate) fn max_micros(&self) -> u64 {
        self.histogram.max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_was_recorded_within_a_thousandth() {
        let mut latencies = Latencies::default();
        for millis in 1..=1000 {
            latencies.record(Duration::from_millis(millis));
        }
        assert_eq!(latencies.count(), 1000);
        for (quantile, micros) in [(0.5, 500_000), (0.99, 990_000), (1.0, 1_000_000)] {
            let off = latencies.micros_at(quantile).abs_diff(micros);
            assert!(off <= micros / 1000, "{quantile} is off by {off}");
        }
        latencies.record(Duration::from_secs(7200));
        assert!(
            MICROS_MAX <= latencies.max_micros(),
            "what is too long counts as the longest"
        );
    }
}
