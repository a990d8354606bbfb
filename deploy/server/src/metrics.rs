//! What the service counts, in the text format of Prometheus.

use core::time::Duration;

use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts,
    Registry, TextEncoder,
};

/// Upper ends of the buckets, seconds: a linear model answers within the first, a large forest within the last.
const BUCKETS: [f64; 16] = [
    0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];

/// All counters; registered once.
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    /// Time from admission to the start of an evaluation.
    pub(crate) queue_seconds: Histogram,
    /// Time of an evaluation.
    pub(crate) evaluate_seconds: Histogram,
    /// Evaluations by result: `done`, `refused`, `panicked`.
    pub(crate) evaluations: IntCounterVec,
    /// Requests refused because every slot was taken.
    pub(crate) busy: IntCounter,
    /// Bytes of bodies read.
    pub(crate) received_bytes: IntCounter,
    /// Bytes of responses to predictions.
    pub(crate) sent_bytes: IntCounter,
    /// Looks into a cache, by cache and result.
    pub(crate) cache: IntCounterVec,
    /// Connections now.
    pub(crate) connections: IntGauge,
    /// Connections refused since the limit was reached.
    pub(crate) connections_refused: IntCounter,
    models_bytes: IntGauge,
    keys_bytes: IntGauge,
    waiting: IntGauge,
}

impl Metrics {
    /// Registers everything.
    ///
    /// # Errors
    /// Never: the names are distinct and well formed. Tests hold it.
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let histogram = |name: &str, help: &str| {
            let histogram =
                Histogram::with_opts(HistogramOpts::new(name, help).buckets(BUCKETS.into()))?;
            registry.register(Box::new(histogram.clone()))?;
            Ok::<_, prometheus::Error>(histogram)
        };
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let counters = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counters.clone()))?;
            Ok::<_, prometheus::Error>(counters)
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let request_seconds = HistogramVec::new(
            HistogramOpts::new(
                "tenebra_request_seconds",
                "Time from a request's head to its response's head",
            )
            .buckets(BUCKETS.into()),
            &["route"],
        )?;
        registry.register(Box::new(request_seconds.clone()))?;
        Ok(Self {
            requests: counters(
                "tenebra_requests_total",
                "Requests by route, method and status",
                &["route", "method", "status"],
            )?,
            request_seconds,
            queue_seconds: histogram(
                "tenebra_queue_seconds",
                "Time that an admitted evaluation waited",
            )?,
            evaluate_seconds: histogram("tenebra_evaluate_seconds", "Time of an evaluation")?,
            evaluations: counters(
                "tenebra_evaluations_total",
                "Evaluations by result",
                &["result"],
            )?,
            busy: counter(
                "tenebra_busy_total",
                "Requests refused because every slot was taken",
            )?,
            received_bytes: counter("tenebra_received_bytes_total", "Bytes of bodies read")?,
            sent_bytes: counter(
                "tenebra_sent_bytes_total",
                "Bytes of responses to predictions",
            )?,
            cache: counters(
                "tenebra_cache_total",
                "Looks into a cache by cache and result",
                &["cache", "result"],
            )?,
            connections: gauge("tenebra_connections", "Open connections")?,
            connections_refused: counter(
                "tenebra_connections_refused_total",
                "Connections refused at the limit",
            )?,
            models_bytes: gauge(
                "tenebra_models_cached_bytes",
                "Bytes of memory of models held prepared, about",
            )?,
            keys_bytes: gauge("tenebra_keys_cached_bytes", "Bytes of evaluation keys held")?,
            waiting: gauge(
                "tenebra_evaluations_admitted",
                "Evaluations that run or wait",
            )?,
            registry,
        })
    }

    /// Counts a request that was answered.
    pub(crate) fn answered(&self, route: &str, method: &str, status: u16, time: Duration) {
        let mut digits = [0; 3];
        let status = three_digits(status, &mut digits);
        self.requests
            .with_label_values(&[route, method, status])
            .inc();
        self.request_seconds
            .with_label_values(&[route])
            .observe(time.as_secs_f64());
    }

    /// The page that Prometheus reads.
    pub(crate) fn page(&self, models_bytes: u64, keys_bytes: u64, waiting: usize) -> Vec<u8> {
        let gauge =
            |gauge: &IntGauge, value: u64| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        gauge(&self.models_bytes, models_bytes);
        gauge(&self.keys_bytes, keys_bytes);
        gauge(&self.waiting, waiting as u64);
        let mut page = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut page) {
            tracing::error!(%error, "the metrics could not be written");
        }
        page
    }
}

fn three_digits(status: u16, digits: &mut [u8; 3]) -> &str {
    let digit = |value: u16| b'0' + u8::try_from(value % 10).unwrap_or(0);
    *digits = [digit(status / 100), digit(status / 10), digit(status)];
    core::str::from_utf8(digits).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_tells_what_was_counted() {
        let metrics = Metrics::new().unwrap();
        metrics.answered("/v1/models", "GET", 404, Duration::from_millis(2));
        metrics.queue_seconds.observe(0.5);
        let page = String::from_utf8(metrics.page(10, 20, 3)).unwrap();
        for line in [
            r#"tenebra_requests_total{method="GET",route="/v1/models",status="404"} 1"#,
            r#"tenebra_request_seconds_bucket{route="/v1/models",le="0.0025"} 1"#,
            "tenebra_queue_seconds_sum 0.5",
            "tenebra_models_cached_bytes 10",
            "tenebra_evaluations_admitted 3",
        ] {
            assert!(page.contains(line), "{line} is not in\n{page}");
        }
    }
}
