//! `GET,POST /oauth/userinfo`: OpenID Connect Core, section 5.3; the token as RFC 6750, section 2 has it.

use super::error::ApiError;
use super::extract::{Body, FORM, LARGEST_FORM, authorization, is_of_type};
use crate::service::Services;
use crate::service::parameters::Parameters;
use crate::service::userinfo::{UserInfoError, userinfo};
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};

pub(super) async fn get(request: HttpRequest, services: web::Data<Services>) -> Result<HttpResponse, ApiError> {
    answer(&request, &services, &Parameters::default()).await
}

/// The token may stand in a form (RFC 6750, section 2.2). A body of another type is not looked at.
pub(super) async fn post(
    request: HttpRequest,
    services: web::Data<Services>,
    body: Body<LARGEST_FORM>,
) -> Result<HttpResponse, ApiError> {
    let form = if is_of_type(&request, FORM) { Parameters::parse(&body.0) } else { Parameters::default() };
    answer(&request, &services, &form).await
}

async fn answer(request: &HttpRequest, services: &Services, form: &Parameters) -> Result<HttpResponse, ApiError> {
    let query = Parameters::parse(request.query_string().as_bytes());
    let token = token(authorization(request), form, &query)?;
    let told = userinfo(services, &token).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(told))
}

/// The one token of a request: never out of the address, which logs and histories keep (RFC 6750, section 5.3).
fn token(header: Option<&str>, form: &Parameters, query: &Parameters) -> Result<String, UserInfoError> {
    const NAME: &str = "access_token";
    let malformed = |problem: &str| Err(UserInfoError::Malformed(problem.to_owned()));
    if query.get(NAME).is_some() || query.repeats(NAME) {
        return malformed("the access token must not stand in the query: send it in the Authorization header");
    }
    if form.repeats(NAME) {
        return malformed("access_token is there more than once");
    }
    match (header, form.get(NAME)) {
        (Some(_), Some(_)) => malformed("the access token must come in one way, in the header or in the form"),
        (None, None) => Err(UserInfoError::Missing),
        (None, Some(token)) => Ok(token.to_owned()),
        (Some(header), None) => match header.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
                Ok(token.trim().to_owned())
            }
            _ => malformed("the Authorization header must be Bearer and an access token"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: Option<&str>, form: &str, query: &str) -> Option<String> {
        token(header, &Parameters::parse(form.as_bytes()), &Parameters::parse(query.as_bytes())).ok()
    }

    #[test]
    fn a_token_comes_in_the_header_or_in_the_form() {
        assert_eq!(read(Some("Bearer abc"), "", "").as_deref(), Some("abc"));
        assert_eq!(read(Some("bearer  abc"), "x=y", "x=y").as_deref(), Some("abc"));
        assert_eq!(read(None, "access_token=abc", "").as_deref(), Some("abc"));
    }

    #[test]
    fn and_in_no_other_way() {
        for (header, form, query) in [
            (None, "", ""),
            (None, "", "access_token=abc"),
            (Some("Bearer abc"), "", "access_token=abc"),
            (Some("Bearer abc"), "", "access_token=abc&access_token=abc"),
            (Some("Bearer abc"), "access_token=abc", ""),
            (None, "access_token=abc&access_token=abc", ""),
            (Some("Basic YTpi"), "", ""),
            (Some("Bearer "), "", ""),
            (Some("Bearer"), "", ""),
            (Some(""), "", ""),
        ] {
            assert_eq!(read(header, form, query), None, "{header:?} {form} {query}");
        }
    }
}
