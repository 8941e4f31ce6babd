//! An event stream ends with the token that opened it.

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::web::Bytes;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

/// A body that ends early where its time is up. An event stream could otherwise run for days on a token of five minutes,
/// past its end and past the revocation of its grant; the client connects again, gets 401, and refreshes.
pub struct UntilExpiry<B> {
    body: Pin<Box<B>>,
    end: Option<Pin<Box<Sleep>>>,
}

impl<B: MessageBody> UntilExpiry<B> {
    /// The body of a response; `left` is how long its token is still good. Only event streams are cut off: any other body
    /// was asked for in time.
    pub(super) fn new(body: B, headers: &HeaderMap, left: Duration) -> Self {
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_stream = content_type.trim_start().to_ascii_lowercase().starts_with("text/event-stream");
        Self { body: Box::pin(body), end: is_stream.then(|| Box::pin(tokio::time::sleep(left))) }
    }
}

impl<B: MessageBody> MessageBody for UntilExpiry<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        if self.end.is_some() { BodySize::Stream } else { self.body.size() }
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.end.as_mut().is_some_and(|end| end.as_mut().poll(context).is_ready()) {
            return Poll::Ready(None);
        }
        self.body.as_mut().poll_next(context)
    }
}
