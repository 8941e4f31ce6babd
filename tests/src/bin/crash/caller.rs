//! One client's requests: what came back, and asking again as honest clients do.

use crate::history::{About, Event, Tokens};
use crate::seeded::Seeded;
use crate::world::{ANSWER, PATIENCE, World};
use anyhow::Result;
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What came back.
#[derive(Debug)]
pub(crate) enum Answer {
    /// 200.
    Done(Value),
    /// 400 with this error.
    Refused(String),
    /// 503 with `Retry-After`, as an honest server says that its database does not answer.
    Unavailable,
    /// Nobody listens: it was not sent.
    NotSent,
    /// The connection broke, or the time is over: it was perhaps done.
    Lost,
    /// Anything else.
    Strange(String),
}

/// What came of asking until there is an answer.
#[derive(Debug)]
pub(crate) enum Outcome {
    Done { sent: usize, body: Value },
    Refused { sent: usize, error: String },
    GaveUp,
}

/// A client.
pub(crate) struct Caller {
    pub(crate) world: Arc<World>,
    pub(crate) seeded: Seeded,
    http: reqwest::Client,
}

impl Caller {
    pub(crate) fn new(world: Arc<World>, seeded: Seeded) -> Result<Self> {
        let http = reqwest::Client::builder().redirect(Policy::none()).no_proxy().timeout(ANSWER).build()?;
        Ok(Self { world, seeded, http })
    }

    /// One of the servers, as a load balancer chooses.
    pub(crate) fn server(&mut self) -> usize {
        let serving = self.world.serving();
        self.seeded.index(serving.len()).map_or(0, |place| serving[place])
    }

    /// Sends a form once.
    pub(crate) async fn post(&self, server: usize, path: &str, form: &[(&str, &str)], is_program: bool) -> Answer {
        let mut request = self.http.post(format!("{}{path}", self.world.bases[server])).form(form);
        if is_program {
            let (id, secret) = &self.world.program;
            request = request.basic_auth(id, Some(secret));
        }
        self.send(server, path, request).await
    }

    /// The published keys.
    pub(crate) async fn keys(&mut self) -> Result<Vec<josekit::jwk::Jwk>> {
        let began = Instant::now();
        loop {
            let server = self.server();
            let request = self.http.get(format!("{}/.well-known/jwks.json", self.world.bases[server]));
            if let Answer::Done(body) = self.send(server, "/.well-known/jwks.json", request).await {
                return Ok(serde_json::from_value(body["keys"].clone())?);
            }
            anyhow::ensure!(began.elapsed() < PATIENCE, "no keys are published");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn send(&self, server: usize, path: &str, request: RequestBuilder) -> Answer {
        let began = Instant::now();
        let answer = match request.send().await {
            Err(error) => unsent(&error),
            Ok(response) => {
                let (status, waits) = (response.status(), response.headers().contains_key("retry-after"));
                match response.bytes().await {
                    Err(_) => Answer::Lost,
                    Ok(body) => read(path, status, waits, &body),
                }
            }
        };
        match &answer {
            Answer::Done(_) | Answer::Refused(_) => self.world.answered(server, began),
            Answer::Unavailable => self.world.count("503"),
            Answer::NotSent => self.world.count("not sent"),
            Answer::Lost => self.world.count("unanswered"),
            Answer::Strange(what) => self.world.journal.push(Event::Strange { what: what.clone() }),
        }
        answer
    }

    /// Asks until there is an answer. `about` and `secret` are what may be done although nobody knows.
    pub(crate) async fn persist(
        &mut self,
        path: &str,
        form: &[(&str, &str)],
        about: Option<(About, &str)>,
        is_program: bool,
    ) -> Outcome {
        let began = Instant::now();
        let mut tries = 0;
        while began.elapsed() < PATIENCE {
            let server = self.server();
            let sent = self.world.journal.len();
            let answer = self.post(server, path, form, is_program).await;
            // What is wrong with it is in the journal, and asking on would bring more of the same.
            let is_strange = matches!(answer, Answer::Strange(_));
            let lost = match answer {
                Answer::Done(body) => return Outcome::Done { sent, body },
                Answer::Refused(error) => return Outcome::Refused { sent, error },
                Answer::NotSent => None,
                Answer::Lost => Some(true),
                Answer::Unavailable | Answer::Strange(_) => Some(false),
            };
            if let (Some(lost), Some((about, secret))) = (lost, about) {
                self.uncertain(sent, about, secret, lost);
            }
            tries += 1;
            self.world.count("retried");
            self.backoff(tries).await;
            if is_strange {
                return Outcome::GaveUp;
            }
        }
        self.world.journal.push(Event::GaveUp { what: format!("{path}: no answer for {} s", PATIENCE.as_secs()) });
        Outcome::GaveUp
    }

    /// A request may have been done or not.
    pub(crate) fn uncertain(&self, sent: usize, about: About, secret: &str, lost: bool) {
        self.world.journal.answered(sent, Event::Unanswered { about, secret: secret.to_owned(), lost });
    }

    /// Before the same is tried again.
    pub(crate) async fn backoff(&mut self, tries: u32) {
        let longest = 20 << tries.min(4);
        let pause = Duration::from_millis(longest / 2 + self.seeded.below(longest));
        tokio::time::sleep(pause).await;
        self.world.while_held().await;
    }
}

/// Whether a request that failed was sent.
pub(crate) fn unsent(error: &reqwest::Error) -> Answer {
    if error.is_connect() && !error.is_timeout() { Answer::NotSent } else { Answer::Lost }
}

fn read(path: &str, status: StatusCode, waits: bool, body: &[u8]) -> Answer {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = json["error"].as_str();
    match (status.as_u16(), error) {
        (200, None) => Answer::Done(json),
        (400, Some(error)) => Answer::Refused(error.to_owned()),
        (503, Some("temporarily_unavailable")) if waits => Answer::Unavailable,
        _ => Answer::Strange(format!("{path}: {status}, error {error:?}, {}", json["error_description"])),
    }
}

/// The tokens of an answer.
pub(crate) fn tokens(body: &Value) -> Option<Tokens> {
    let text = |name: &str| body[name].as_str().map(ToOwned::to_owned);
    Some(Tokens { refresh: text("refresh_token")?, access: text("access_token")? })
}
