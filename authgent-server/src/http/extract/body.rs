use crate::http::error::ApiError;
use actix_web::dev::Payload;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;
use std::time::Duration;

/// How long a client may take to send a body: half a body that never ends would hold a socket for ever.
const PATIENCE: Duration = Duration::from_secs(10);

/// A whole body of at most `LARGEST` bytes.
pub(in crate::http) struct Body<const LARGEST: usize>(pub(in crate::http) Bytes);

/// Why a body cannot be read.
#[derive(Debug, thiserror::Error)]
pub(in crate::http) enum BodyError {
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the body did not arrive within {} seconds", PATIENCE.as_secs())]
    TooSlow,
    #[error("the body ended early")]
    Incomplete,
    #[error("the Content-Type must be {0}")]
    WrongType(&'static str),
}

impl<const LARGEST: usize> FromRequest for Body<LARGEST> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(_: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let payload = payload.take();
        Box::pin(async move { Ok(Self(read(payload, LARGEST).await?)) })
    }
}

pub(super) async fn read(payload: Payload, largest: usize) -> Result<Bytes, BodyError> {
    tokio::time::timeout(PATIENCE, collect(payload, largest)).await.unwrap_or(Err(BodyError::TooSlow))
}

async fn collect(mut payload: Payload, largest: usize) -> Result<Bytes, BodyError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| BodyError::Incomplete)?;
        if body.len() + chunk.len() > largest {
            return Err(BodyError::TooLarge(largest));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
