//! The middleware: origin, preflight, token, body, scope, in this order.

use super::stream_end::UntilExpiry;
use super::{cors, routes};
use crate::authenticator::{Authenticator, VerifiedToken};
use crate::mcp::{MessageHeaders, Operation};
use crate::metadata;
use crate::rejection::{MessageError, Rejection};
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, BytesMut};
use actix_web::{Error, HttpMessage, HttpResponse};
use futures_util::future::LocalBoxFuture;
use futures_util::{StreamExt, stream};
use std::future::{Ready, ready};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Lets through only requests with a good token that has the scopes of what they ask for.
///
/// For `wrap` on an `App`, a `Scope` or a `Resource`. The body of a request is read as MCP, up to
/// [`crate::Config::max_body_bytes`], and handed on unchanged; the body of the response is streamed as it comes. The verified
/// token is put into the request's extensions as [`crate::VerifiedToken`].
#[derive(Debug, Clone)]
pub struct McpAuth {
    authenticator: Authenticator,
}

impl McpAuth {
    /// The middleware.
    #[must_use]
    pub fn new(authenticator: Authenticator) -> Self {
        Self { authenticator }
    }
}

impl<S, B> Transform<S, ServiceRequest> for McpAuth
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<UntilExpiry<B>>>;
    type Error = Error;
    type Transform = McpAuthService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(McpAuthService {
            service: Rc::new(service),
            metadata_paths: metadata::paths(self.authenticator.config()).into(),
            authenticator: self.authenticator.clone(),
        }))
    }
}

/// A service behind [`McpAuth`].
#[derive(Debug)]
pub struct McpAuthService<S> {
    service: Rc<S>,
    authenticator: Authenticator,
    metadata_paths: Rc<[String]>,
}

impl<S, B> Service<ServiceRequest> for McpAuthService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<UntilExpiry<B>>>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.service.poll_ready(context)
    }

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let service = Rc::clone(&self.service);
        let authenticator = self.authenticator.clone();
        let is_metadata = self.metadata_paths.iter().any(|path| path == request.path());
        Box::pin(async move {
            if is_metadata {
                // Wrapped around a whole application, the metadata still has to be open.
                let response = metadata_answer(&authenticator, request.method()).await;
                return Ok(request.into_response(response).map_into_right_body());
            }
            let origin = match check_origin(&authenticator, &request) {
                Ok(origin) => origin,
                Err(rejection) => return Ok(refuse(&authenticator, request, &rejection, None)),
            };
            if let Some(origin) = origin.as_ref().filter(|_| is_preflight(&request)) {
                let response = cors::preflight(origin, request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS));
                return Ok(request.into_response(response).map_into_right_body());
            }
            if request.method() == Method::OPTIONS {
                let allow = (header::ALLOW, "GET, POST, DELETE, OPTIONS");
                let response = HttpResponse::NoContent().insert_header(allow).finish();
                return Ok(request.into_response(response).map_into_right_body());
            }
            let token = match admit(&authenticator, &mut request).await {
                Ok(token) => token,
                Err(rejection) => return Ok(refuse(&authenticator, request, &rejection, origin.as_ref())),
            };
            let left = authenticator.time_left(&token);
            let response = service.call(request).await?;
            let mut response = response.map_body(|head, body| UntilExpiry::new(body, &head.headers, left));
            if let Some(origin) = &origin {
                cors::share(response.headers_mut(), origin);
            }
            Ok(response.map_into_left_body())
        })
    }
}

async fn metadata_answer(authenticator: &Authenticator, method: &Method) -> HttpResponse {
    match *method {
        Method::GET | Method::HEAD => routes::metadata_response(routes::document(authenticator)),
        Method::OPTIONS => routes::metadata_preflight().await,
        _ => HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, "GET, OPTIONS")).finish(),
    }
}

/// The allowed origin of the request, where it has one.
fn check_origin(authenticator: &Authenticator, request: &ServiceRequest) -> Result<Option<HeaderValue>, Rejection> {
    for value in request.headers().get_all(header::ORIGIN) {
        authenticator.check_origin(Some(value.to_str().unwrap_or("not text")))?;
    }
    Ok(request.headers().get(header::ORIGIN).cloned())
}

fn is_preflight(request: &ServiceRequest) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Verifies the token, then reads the body, then compares scopes: an unknown caller cannot make us read a body.
async fn admit(authenticator: &Authenticator, request: &mut ServiceRequest) -> Result<VerifiedToken, Rejection> {
    let token = {
        let values: Vec<&[u8]> = request.headers().get_all(header::AUTHORIZATION).map(HeaderValue::as_bytes).collect();
        authenticator.authenticate(&values, request.query_string()).await?
    };
    let encoded = request.headers().get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity");
    let body = read_body(request, authenticator.config().max_body_bytes()).await?;
    if encoded && !body.is_empty() {
        return Err(MessageError::Encoded.into());
    }
    let operation = {
        let all = |name: &str| request.headers().get_all(name).map(HeaderValue::as_bytes).collect();
        Operation::read(&body, &MessageHeaders { method: all("mcp-method"), name: all("mcp-name") })?
    };
    authenticator.authorize(&token, &operation)?;
    if !body.is_empty() {
        request.set_payload(Payload::from(Box::pin(stream::once(ready(Ok(body)))) as BoxedBody));
    }
    request.extensions_mut().insert(token.clone());
    Ok(token)
}

/// How long a caller may take to send a message: half a message that never ends would hold a socket for ever.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

type BoxedBody = std::pin::Pin<Box<dyn futures_util::Stream<Item = Result<Bytes, actix_web::error::PayloadError>>>>;

async fn read_body(request: &mut ServiceRequest, limit: usize) -> Result<Bytes, MessageError> {
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > limit as u64) {
        return Err(MessageError::TooLarge(limit));
    }
    let payload = request.take_payload();
    tokio::time::timeout(BODY_PATIENCE, collect(payload, limit)).await.unwrap_or(Err(MessageError::TooSlow))
}

async fn collect(mut payload: Payload, limit: usize) -> Result<Bytes, MessageError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| MessageError::Unreadable)?;
        if body.len() + chunk.len() > limit {
            return Err(MessageError::TooLarge(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn refuse<B: MessageBody>(
    authenticator: &Authenticator,
    request: ServiceRequest,
    rejection: &Rejection,
    origin: Option<&HeaderValue>,
) -> ServiceResponse<EitherBody<B>> {
    tracing::info!(cause = rejection.cause(), status = rejection.status(), "request refused: {rejection}");
    let answer = rejection.answer(authenticator.config());
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut builder = HttpResponse::build(status);
    builder.content_type("application/json").insert_header((header::CACHE_CONTROL, "no-store"));
    if let Some(challenge) = answer.www_authenticate {
        builder.insert_header((header::WWW_AUTHENTICATE, challenge));
    }
    if let Some(seconds) = answer.retry_after {
        builder.insert_header((header::RETRY_AFTER, seconds.to_string()));
    }
    let mut response = builder.body(answer.body);
    if let Some(origin) = origin {
        cors::share(response.headers_mut(), origin);
    }
    request.into_response(response).map_into_right_body()
}
