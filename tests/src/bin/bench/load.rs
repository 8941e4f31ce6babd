//! Closed-loop load: so many requests under way at once, each followed by the next.

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;
use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use std::fmt;
use std::future::Future;
use std::time::{Duration, Instant};

/// How much, and for how long.
pub(crate) struct Load {
    /// Requests under way at once.
    pub(crate) connections: usize,
    /// How long each workload runs.
    pub(crate) duration: Duration,
}

/// What was measured.
pub(crate) struct Row {
    name: String,
    /// Per second.
    pub(crate) rate: f64,
    p50: Option<Duration>,
    p99: Option<Duration>,
}

impl Row {
    /// The head of the table.
    pub(crate) const HEADER: &str =
        "workload                                            per second      p50 ms     p99 ms";

    /// Something that is measured without requests.
    pub(crate) fn alone(name: &str, rate: f64) -> Self {
        Self { name: name.to_owned(), rate, p50: None, p99: None }
    }

    fn of(name: &str, mut latencies: Vec<Duration>, elapsed: Duration) -> Self {
        latencies.sort_unstable();
        let at = |hundredth: usize| latencies.get(latencies.len() * hundredth / 100).copied();
        Self { name: name.to_owned(), rate: latencies.len() as f64 / elapsed.as_secs_f64(), p50: at(50), p99: at(99) }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds =
            |time: Option<Duration>| time.map(|time| format!("{:.2}", time.as_secs_f64() * 1e3)).unwrap_or_default();
        write!(f, "{:<48} {:>13.0} {:>11} {:>10}", self.name, self.rate, milliseconds(self.p50), milliseconds(self.p99))
    }
}

impl Load {
    /// The rate of something on one thread.
    pub(crate) fn alone(&self, mut work: impl FnMut()) -> f64 {
        let begin = Instant::now();
        let mut done = 0_u32;
        while begin.elapsed() < self.duration {
            work();
            done += 1;
        }
        f64::from(done) / begin.elapsed().as_secs_f64()
    }

    /// The rate of a request that is the same each time.
    pub(crate) async fn run(&self, name: &str, request: impl Fn(usize) -> RequestBuilder) -> Result<Row> {
        self.measure(name, |connection| {
            let request = &request;
            async move { Ok(request(connection).send().await?) }
        })
        .await
    }

    /// The rate of a call that builds its own request.
    pub(crate) async fn calls<F: Future<Output = Result<Response>>>(
        &self,
        name: &str,
        request: impl Fn() -> F,
    ) -> Result<Row> {
        self.measure(name, |_| request()).await
    }

    /// The rate of a chain: each request is made of the answer before.
    pub(crate) async fn chains(
        &self,
        name: &str,
        begin: Vec<Value>,
        request: impl Fn(&Value) -> RequestBuilder,
    ) -> Result<Row> {
        let started = Instant::now();
        let chains = begin.into_iter().map(|mut answer| {
            let request = &request;
            async move {
                let mut latencies = Vec::new();
                while started.elapsed() < self.duration {
                    let sent = Instant::now();
                    answer = request(&answer).send().await?.error_for_status()?.json().await?;
                    latencies.push(sent.elapsed());
                }
                anyhow::Ok(latencies)
            }
        });
        let latencies = try_join_all(chains).await?.concat();
        Ok(Row::of(name, latencies, started.elapsed()))
    }

    async fn measure<F: Future<Output = Result<Response>>>(
        &self,
        name: &str,
        send: impl Fn(usize) -> F,
    ) -> Result<Row> {
        let started = Instant::now();
        let connections = (0..self.connections).map(|connection| {
            let send = &send;
            async move {
                let mut latencies = Vec::new();
                while started.elapsed() < self.duration {
                    let sent = Instant::now();
                    let response = send(connection).await?;
                    ensure!(
                        response.status().is_success(),
                        "{name} answered {}: {}",
                        response.status(),
                        response.text().await?
                    );
                    response.bytes().await?;
                    latencies.push(sent.elapsed());
                }
                anyhow::Ok(latencies)
            }
        });
        let latencies = try_join_all(connections).await?.concat();
        Ok(Row::of(name, latencies, started.elapsed()))
    }
}
