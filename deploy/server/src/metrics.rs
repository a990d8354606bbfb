//! What the service counts, in the text format of Prometheus.

use core::time::Duration;

use prometheus::{
    Encoder, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};

use crate::app::App;
use crate::store::StoreMetrics;

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
    /// What the store does.
    pub(crate) store: StoreMetrics,
    /// Lines of the audit log that the disk was too slow for.
    pub(crate) audit_lost: IntCounter,
    models_bytes: IntGauge,
    keys_bytes: IntGauge,
    waiting: IntGauge,
    waiting_by_client: IntGaugeVec,
    models: IntGaugeVec,
    p_fail: GaugeVec,
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
        let gauges = |name: &str, help: &str, labels: &[&str]| {
            let gauges = IntGaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(gauges.clone()))?;
            Ok::<_, prometheus::Error>(gauges)
        };
        let p_fail = GaugeVec::new(
            Opts::new(
                "tenebra_model_p_fail_log2",
                "log2 of the probability that any output of one query is wrong, by model in memory",
            ),
            &["model"],
        )?;
        registry.register(Box::new(p_fail.clone()))?;
        let build = gauges(
            "tenebra_build_info",
            "1; the version of the program is a label",
            &["version"],
        )?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let store_seconds = HistogramVec::new(
            HistogramOpts::new("tenebra_store_seconds", "Time of operations of the store")
                .buckets(BUCKETS.into()),
            &["operation"],
        )?;
        registry.register(Box::new(store_seconds.clone()))?;
        Ok(Self {
            store: StoreMetrics {
                seconds: store_seconds,
                errors: counters(
                    "tenebra_store_errors_total",
                    "Operations of the store that failed or took too long",
                    &["operation"],
                )?,
                skipped: gauge(
                    "tenebra_store_skipped_entries",
                    "Entries of the store that are not ours or broken; the log names each once",
                )?,
                up: gauge("tenebra_store_up", "1 while the store is there and answers")?,
            },
            audit_lost: counter(
                "tenebra_audit_lost_total",
                "Lines of the audit log that the disk was too slow for",
            )?,
            waiting_by_client: gauges(
                "tenebra_client_evaluations",
                "Evaluations that run or wait, by client",
                &["client"],
            )?,
            models: gauges(
                "tenebra_model_info",
                "1 for each model in memory; its version is a label",
                &["model", "version", "estimator"],
            )?,
            p_fail,
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
    pub(crate) fn page(&self, app: &App) -> Vec<u8> {
        let gauge =
            |gauge: &IntGauge, value: u64| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        gauge(&self.models_bytes, app.models.bytes());
        gauge(&self.keys_bytes, app.keys.bytes());
        gauge(&self.waiting, app.pool.taken() as u64);
        self.waiting_by_client.reset();
        for (client, waiting) in app.pool.waiting() {
            // Without the generation of the name.
            let name = client.as_str().split('@').next().unwrap_or_default();
            let one = self.waiting_by_client.with_label_values(&[name]);
            gauge(&one, waiting as u64);
        }
        self.models.reset();
        self.p_fail.reset();
        for (name, model) in app.models.values() {
            let version = model.version.to_string();
            let spec = model.program.spec();
            let labels = [name.as_str(), &version, spec.estimator()];
            self.models.with_label_values(&labels).set(1);
            let p_fail = self.p_fail.with_label_values(&[name.as_str()]);
            p_fail.set(spec.p_fail_log2());
        }
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

    #[tokio::test]
    async fn the_page_tells_what_was_counted() {
        let store = crate::store::Store::in_memory();
        let app = App::new(store, crate::Limits::default(), true)
            .await
            .unwrap();
        let metrics = &app.metrics;
        metrics.answered("/v1/models", "GET", 404, Duration::from_millis(2));
        metrics.queue_seconds.observe(0.5);
        let page = String::from_utf8(metrics.page(&app)).unwrap();
        for line in [
            r#"tenebra_requests_total{method="GET",route="/v1/models",status="404"} 1"#,
            r#"tenebra_request_seconds_bucket{route="/v1/models",le="0.0025"} 1"#,
            "tenebra_queue_seconds_sum 0.5",
            "tenebra_models_cached_bytes 0",
            "tenebra_evaluations_admitted 0",
            r#"tenebra_build_info{version=""#,
            "tenebra_store_up 1",
        ] {
            assert!(page.contains(line), "{line} is not in\n{page}");
        }
    }
}
