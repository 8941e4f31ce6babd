//! A client that is made when it is first used. It reads the certification authorities of the system, which takes longer than
//! everything else at a start and some MiB of memory, and many servers never ask anybody.

use super::fetcher::{FetchError, cause};
use reqwest::{Client, ClientBuilder};
use std::sync::Arc;
use tokio::sync::OnceCell;

type Build = dyn Fn() -> ClientBuilder + Send + Sync;

pub(super) struct OnFirstUse {
    build: Arc<Build>,
    client: OnceCell<Client>,
}

impl OnFirstUse {
    pub(super) fn new(build: impl Fn() -> ClientBuilder + Send + Sync + 'static) -> Self {
        Self { build: Arc::new(build), client: OnceCell::new() }
    }

    /// Off the threads that serve, since it reads files.
    pub(super) async fn get(&self) -> Result<&Client, FetchError> {
        let failed = |problem: String| FetchError::Connect(format!("the HTTP client cannot be made: {problem}"));
        let make = async || {
            let build = Arc::clone(&self.build);
            let made = tokio::task::spawn_blocking(move || build().build()).await;
            made.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(cause(&error)))
        };
        self.client.get_or_try_init(make).await
    }
}
