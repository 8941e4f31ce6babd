//! Closed-loop load: so many requests under way at once, each followed by the next.

use crate::child::{ProcessorTime, Running};
use crate::client::{Connection, Endpoint};
use anyhow::{Result, ensure};
use futures_util::stream::{FuturesUnordered, TryStreamExt as _};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How much, and for how long.
pub(crate) struct Load {
    /// Requests under way at once.
    pub(crate) connections: usize,
    /// How long a workload runs before its answers count.
    pub(crate) warm_up: Duration,
    /// How long they count, in one round.
    pub(crate) duration: Duration,
}

/// A refresh token and whose it is.
pub(crate) struct Chain {
    /// The client.
    pub(crate) client_id: Rc<str>,
    /// Its latest token.
    pub(crate) refresh_token: String,
}

/// How a refresh token is used.
pub(crate) type Refresh = Box<dyn Fn(&Chain) -> Vec<u8>>;

/// What is done over and over.
pub(crate) enum Work {
    /// The same request.
    Same(Vec<u8>),
    /// Requests of which each is made once; the workload ends with them.
    Once(VecDeque<Vec<u8>>),
    /// Chains of refresh tokens, by turns: each request takes the token that its predecessor was answered with.
    Chains(VecDeque<Chain>, Refresh),
    /// Something without requests, on one thread.
    Alone(Box<dyn FnMut()>),
    /// A program that measures by itself: how often it did per second what it does.
    Program(Box<dyn FnMut(Duration) -> Result<f64>>),
}

/// Something that is measured, over several rounds.
pub(crate) struct Workload {
    /// What stands in the table.
    pub(crate) name: String,
    endpoints: Vec<Endpoint>,
    work: Work,
    servers: Vec<ProcessorTime>,
    done: f64,
    elapsed: Duration,
    processor_seconds: f64,
    latencies: Vec<Duration>,
}

impl Workload {
    /// Requests to `endpoint`.
    pub(crate) fn new(name: &str, endpoint: &Endpoint, work: Work) -> Self {
        Self { endpoints: vec![endpoint.clone()], ..Self::alone(name, work) }
    }

    /// As much to another replica of the same issuer.
    pub(crate) fn and(mut self, endpoint: &Endpoint) -> Self {
        self.endpoints.push(endpoint.clone());
        self
    }

    /// Counts what these programs spend on it.
    pub(crate) fn of<'a>(mut self, servers: impl IntoIterator<Item = &'a Running>) -> Self {
        self.servers.extend(servers.into_iter().map(Running::processor_time));
        self
    }

    /// Work without requests.
    pub(crate) fn alone(name: &str, work: Work) -> Self {
        Self {
            name: name.to_owned(),
            endpoints: Vec::new(),
            work,
            servers: Vec::new(),
            done: 0.0,
            elapsed: Duration::ZERO,
            processor_seconds: 0.0,
            latencies: Vec::new(),
        }
    }

    /// What was measured so far.
    pub(crate) fn row(&self) -> Row {
        let mut latencies = self.latencies.clone();
        latencies.sort_unstable();
        let at = |hundredth: usize| {
            latencies.get(latencies.len() * hundredth / 100).map(|latency| latency.as_secs_f64() * 1e3)
        };
        Row {
            name: self.name.clone(),
            per_second: self.done / self.elapsed.as_secs_f64().max(1e-9),
            processor_us: (self.processor_seconds > 0.0).then(|| self.processor_seconds / self.done * 1e6),
            p50_ms: at(50),
            p99_ms: at(99),
        }
    }

    /// Measures one round.
    pub(crate) async fn run(&mut self, load: &Load) -> Result<()> {
        if let Work::Alone(work) = &mut self.work {
            let begin = Instant::now();
            while begin.elapsed() < load.duration {
                work();
                self.done += 1.0;
            }
            self.elapsed += begin.elapsed();
            return Ok(());
        }
        if let Work::Program(program) = &mut self.work {
            let rate = program(load.duration)?;
            self.done += rate * load.duration.as_secs_f64();
            self.elapsed += load.duration;
            return Ok(());
        }
        let mut connections = Vec::new();
        for endpoint in &self.endpoints {
            for _ in 0..load.connections {
                connections.push(Connection::open(endpoint).await?);
            }
        }
        let spent_before = spent(&self.servers);
        let began = Instant::now();
        let lanes = lanes(&mut self.work, connections.len());
        let begin = Instant::now() + load.warm_up;
        let end = begin + load.duration;
        let name = &self.name;
        let running: FuturesUnordered<_> = connections
            .into_iter()
            .zip(lanes)
            .map(|(connection, lane)| drive(name, connection, lane, begin, end))
            .collect();
        let lanes: Vec<_> = running.try_collect().await?;
        self.elapsed += begin.elapsed();
        // The warm-up is in it as well: so much of it counts as of the time.
        let counted = begin.elapsed().as_secs_f64() / began.elapsed().as_secs_f64();
        self.processor_seconds += (spent(&self.servers) - spent_before) * counted;
        let mut left = Vec::new();
        for (lane, latencies) in lanes {
            self.done += latencies.len() as f64;
            self.latencies.extend(latencies);
            left.push(lane.left());
        }
        match &mut self.work {
            Work::Once(requests) => requests.extend(left.into_iter().flat_map(|(requests, _)| requests)),
            Work::Chains(chains, _) => chains.extend(left.into_iter().flat_map(|(_, chains)| chains)),
            _ => {}
        }
        Ok(())
    }
}

/// What the servers have spent since they started, in seconds.
fn spent(servers: &[ProcessorTime]) -> f64 {
    servers.iter().filter_map(ProcessorTime::seconds).sum()
}

async fn drive<'a>(
    name: &str,
    mut connection: Connection,
    mut lane: Lane<'a>,
    begin: Instant,
    end: Instant,
) -> Result<(Lane<'a>, Vec<Duration>)> {
    let mut latencies = Vec::new();
    let mut sent = Instant::now();
    while sent < end {
        let Some(request) = lane.next() else { break };
        let (status, body) = connection.exchange(&request).await?;
        let received = Instant::now();
        ensure!(status == 200, "{name} answered {status}: {}", String::from_utf8_lossy(&body));
        if sent >= begin {
            latencies.push(received - sent);
        }
        drop(request);
        lane.answered(&body)?;
        sent = received;
    }
    Ok((lane, latencies))
}

/// What one connection does.
enum Lane<'a> {
    Same(&'a [u8]),
    Once(VecDeque<Vec<u8>>),
    Chains {
        idle: VecDeque<Chain>,
        /// Whose answer is awaited.
        busy: Option<Chain>,
        request: &'a dyn Fn(&Chain) -> Vec<u8>,
    },
}

/// Gives each of so many connections its part.
fn lanes(work: &mut Work, connections: usize) -> Vec<Lane<'_>> {
    match work {
        Work::Same(request) => (0..connections).map(|_| Lane::Same(request)).collect(),
        Work::Once(requests) => dealt(requests, connections).into_iter().map(Lane::Once).collect(),
        Work::Chains(chains, request) => dealt(chains, connections)
            .into_iter()
            .map(|idle| Lane::Chains { idle, busy: None, request: &**request })
            .collect(),
        Work::Alone(_) | Work::Program(_) => Vec::new(),
    }
}

fn dealt<T>(all: &mut VecDeque<T>, hands: usize) -> Vec<VecDeque<T>> {
    let mut dealt: Vec<_> = (0..hands).map(|_| VecDeque::new()).collect();
    for (number, one) in all.drain(..).enumerate() {
        dealt[number % hands].push_back(one);
    }
    dealt
}

#[derive(Deserialize)]
struct Answer {
    refresh_token: String,
}

impl<'a> Lane<'a> {
    fn next(&mut self) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::Same(request) => Some(Cow::Borrowed(request)),
            Self::Once(requests) => requests.pop_front().map(Cow::Owned),
            Self::Chains { idle, busy, request } => {
                *busy = idle.pop_front();
                busy.as_ref().map(|chain| Cow::Owned(request(chain)))
            }
        }
    }

    fn answered(&mut self, body: &[u8]) -> Result<()> {
        if let Self::Chains { idle, busy, .. } = self
            && let Some(mut chain) = busy.take()
        {
            let answer: Answer = serde_json::from_slice(body)?;
            chain.refresh_token = answer.refresh_token;
            idle.push_back(chain);
        }
        Ok(())
    }

    fn left(self) -> (VecDeque<Vec<u8>>, VecDeque<Chain>) {
        match self {
            Self::Same(_) => Default::default(),
            Self::Once(requests) => (requests, VecDeque::new()),
            Self::Chains { idle, .. } => (VecDeque::new(), idle),
        }
    }
}

/// What was measured.
#[derive(serde::Serialize)]
pub(crate) struct Row {
    /// The workload.
    pub(crate) name: String,
    /// Answers per second.
    pub(crate) per_second: f64,
    /// The processor time that the servers spend on an answer, in microseconds.
    pub(crate) processor_us: Option<f64>,
    /// The median of the time to an answer, in milliseconds.
    pub(crate) p50_ms: Option<f64>,
    /// Its 99th percentile.
    pub(crate) p99_ms: Option<f64>,
}

impl Row {
    /// The head of the table.
    pub(crate) const HEADER: &str =
        "workload                                            per second   its CPU µs     p50 ms     p99 ms";
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |time: Option<f64>| time.map(|time| format!("{time:.2}")).unwrap_or_default();
        let processor = self.processor_us.map(|time| format!("{time:.0}")).unwrap_or_default();
        let Self { name, per_second, p50_ms, p99_ms, .. } = self;
        write!(f, "{name:<48} {per_second:>13.0} {processor:>12} {:>10} {:>10}", text(*p50_ms), text(*p99_ms))
    }
}
