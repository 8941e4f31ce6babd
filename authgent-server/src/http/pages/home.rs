//! What a person sees who opens the issuer in a browser.

use askama::Template;

use super::Layout;
use super::display::filters;

/// A link on the home page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What it leads to.
    pub label: String,
    /// Absolute URL.
    pub url: String,
}

/// `GET /`: what this server is, and where its metadata is.
#[derive(Debug, Clone, Template)]
#[template(path = "home.html")]
pub struct HomePage {
    /// The frame.
    pub layout: Layout,
    /// The issuer, as configured.
    pub issuer: String,
    /// Documents for programs.
    pub links: Vec<Link>,
    /// Who is signed in.
    pub signed_in_as: Option<String>,
    /// Page that signs out.
    pub sign_out_url: Option<String>,
}

impl HomePage {
    /// The page for an issuer, with the links to its metadata (RFC 8414, OpenID Connect Discovery, RFC 7517);
    /// nobody is signed in.
    pub fn new(layout: Layout, issuer: &str) -> Self {
        let base = issuer.trim_end_matches('/');
        let t = layout.texts.home;
        let links = [
            (t.server_metadata, "oauth-authorization-server"),
            (t.openid_configuration, "openid-configuration"),
            (t.signing_keys, "jwks.json"),
        ];
        Self {
            layout,
            issuer: issuer.to_owned(),
            links: links
                .map(|(label, name)| Link { label: label.to_owned(), url: format!("{base}/.well-known/{name}") })
                .to_vec(),
            signed_in_as: None,
            sign_out_url: None,
        }
    }
}
