//! What everybody knows: where the servers are, who the clients are, and what happened.

use crate::history::{Journal, Tokens, lock};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The resource that tokens are for.
pub(crate) const RESOURCE: &str = "https://mcp.example.com/mcp";
/// Where codes go. Nobody fetches it.
pub(crate) const CALLBACK: &str = "https://client.example/callback";

/// How long a used refresh token is answered with the same successor: longer than [`PATIENCE`].
pub(crate) const GRACE: Duration = Duration::from_secs(120);
/// How long a client asks again for the same.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// How long a client waits for one answer.
pub(crate) const ANSWER: Duration = Duration::from_secs(15);
/// Of how many access tokens it is remembered that they must work.
const REMEMBERED: usize = 400;

/// A grant, as its client sees it.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    /// Its code, and what it was exchanged with.
    pub(crate) code: String,
    pub(crate) verifier: String,
    /// The first refresh token, which was used long ago.
    pub(crate) first: String,
    /// The last answer.
    pub(crate) tokens: Tokens,
}

/// When a server answered for the first time since a moment.
#[derive(Debug)]
struct Watch {
    since: Instant,
    first: Option<Instant>,
}

/// The deployment and its clients.
pub(crate) struct World {
    /// One address for each server.
    pub(crate) bases: Vec<String>,
    /// Those that the load balancer knows.
    serving: Mutex<Vec<usize>>,
    /// The public client that people let in.
    pub(crate) web: String,
    /// The client that acts for itself, and may introspect.
    pub(crate) program: (String, String),
    pub(crate) password: String,
    pub(crate) journal: Journal,
    /// Chains that rest, and must work when they are taken up again.
    pub(crate) parked: Mutex<Vec<Chain>>,
    /// Chains that were ended, which must stay ended.
    pub(crate) ended: Mutex<Vec<Chain>>,
    /// Access tokens that were issued lately.
    access: Mutex<Vec<String>>,
    counts: Mutex<BTreeMap<&'static str, u64>>,
    watches: Vec<Mutex<Watch>>,
    stop: AtomicBool,
    hold: AtomicBool,
}

impl World {
    pub(crate) fn new(bases: Vec<String>, web: String, program: (String, String), password: String) -> Self {
        let watch = || Mutex::new(Watch { since: Instant::now(), first: None });
        let watches = bases.iter().map(|_| watch()).collect();
        Self {
            serving: Mutex::new((0..bases.len()).collect()),
            bases,
            web,
            program,
            password,
            journal: Journal::default(),
            parked: Mutex::default(),
            ended: Mutex::default(),
            access: Mutex::default(),
            counts: Mutex::default(),
            watches,
            stop: AtomicBool::new(false),
            hold: AtomicBool::new(false),
        }
    }

    /// From now on requests go to these servers and no others.
    pub(crate) fn serve(&self, servers: &[usize]) {
        servers.clone_into(&mut lock(&self.serving));
    }

    /// The servers that requests go to.
    pub(crate) fn serving(&self) -> Vec<usize> {
        lock(&self.serving).clone()
    }

    pub(crate) fn count(&self, what: &'static str) {
        *lock(&self.counts).entry(what).or_default() += 1;
    }

    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.counts).clone()
    }

    /// An access token that has to work from now on, unless its grant is ended.
    pub(crate) fn remember(&self, access: &str) {
        let mut tokens = lock(&self.access);
        if tokens.len() >= REMEMBERED {
            tokens.drain(..REMEMBERED / 4);
        }
        tokens.push(access.to_owned());
    }

    pub(crate) fn access_tokens(&self) -> Vec<String> {
        lock(&self.access).clone()
    }

    /// From now on the next answer of this server is waited for.
    pub(crate) fn watch(&self, server: usize) {
        *lock(&self.watches[server]) = Watch { since: Instant::now(), first: None };
    }

    /// A request that was sent at `began` has its answer.
    pub(crate) fn answered(&self, server: usize, began: Instant) {
        let mut watch = lock(&self.watches[server]);
        if began >= watch.since && watch.first.is_none() {
            watch.first = Some(Instant::now());
        }
    }

    /// When the first answer came since it was waited for.
    pub(crate) fn first_answer(&self, server: usize) -> Option<Instant> {
        lock(&self.watches[server]).first
    }

    /// The clients finish what they do, and go.
    pub(crate) fn end(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Whether nobody tries anything a second time for the moment: so that it can be seen what the first time did.
    pub(crate) fn hold(&self, hold: bool) {
        self.hold.store(hold, Ordering::SeqCst);
    }

    pub(crate) async fn while_held(&self) {
        while self.hold.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
