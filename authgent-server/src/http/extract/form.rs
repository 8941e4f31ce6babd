use super::body::{BodyError, read};
use super::is_of_type;
use crate::http::error::ApiError;
use crate::service::parameters::Parameters;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;

/// The largest form, in bytes.
pub(in crate::http) const LARGEST_FORM: usize = 64 * 1024;
/// The media type of forms.
pub(in crate::http) const FORM: &str = "application/x-www-form-urlencoded";

/// The parameters of a form body (RFC 6749, appendix B).
///
/// Scopes of a consent form come once per ticked box, so the raw body is kept for [`Form::all`].
pub(in crate::http) struct Form {
    pub(in crate::http) parameters: Parameters,
    body: actix_web::web::Bytes,
}

impl Form {
    /// Every value of a field that may be there more than once.
    pub(in crate::http) fn all(&self, name: &str) -> Vec<String> {
        url::form_urlencoded::parse(&self.body)
            .filter(|(field, _)| field == name)
            .map(|(_, value)| value.into_owned())
            .collect()
    }
}

impl FromRequest for Form {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let right_type = is_of_type(request, FORM);
        let payload = payload.take();
        Box::pin(async move {
            // Read even where the type is wrong: answering while the client still sends cuts the answer off.
            let body = read(payload, LARGEST_FORM).await?;
            if !right_type {
                return Err(BodyError::WrongType(FORM).into());
            }
            Ok(Self { parameters: Parameters::parse(&body), body })
        })
    }
}
