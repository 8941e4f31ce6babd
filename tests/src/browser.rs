//! A person with a browser: cookies are kept, redirects are followed by hand so that each can be looked at.

use crate::html::Form;
use anyhow::{Context as _, Result, ensure};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// The browser of one person.
pub struct Browser {
    client: Client,
}

/// A page as it arrived.
#[derive(Debug, Clone)]
pub struct Page {
    /// Its address.
    pub url: Url,
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: reqwest::header::HeaderMap,
    /// Its HTML.
    pub body: String,
}

impl Page {
    /// The form that has this field.
    ///
    /// # Errors
    /// Where the page has none.
    pub fn form(&self, field: &str) -> Result<Form> {
        Form::find(&self.body, field)
            .with_context(|| format!("no form with {field} at {}: {}", self.url.path(), crate::html::text(&self.body)))
    }

    /// Where it redirects to.
    #[must_use]
    pub fn location(&self) -> Option<Url> {
        self.headers
            .get("location")
            .and_then(|value| value.to_str().ok())
            .and_then(|location| self.url.join(location).ok())
    }
}

impl Browser {
    /// A browser without any cookie.
    ///
    /// # Errors
    /// Where the HTTP client cannot be made.
    pub fn new() -> Result<Self> {
        let client = Client::builder()
            .cookie_store(true)
            .redirect(Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(30))
            .build()?;
        Ok(Self { client })
    }

    /// Fetches one page.
    ///
    /// # Errors
    /// Where no answer comes.
    pub async fn get(&self, url: impl AsRef<str>) -> Result<Page> {
        page(self.client.get(url.as_ref()).header("accept", "text/html").send().await?).await
    }

    /// Sends a form that stood in `page`.
    ///
    /// # Errors
    /// Where no answer comes.
    pub async fn submit(&self, page_of_form: &Page, form: &Form) -> Result<Page> {
        let url = page_of_form.url.join(&form.action)?;
        page(self.client.post(url).header("accept", "text/html").form(&form.fields).send().await?).await
    }

    /// Posts JSON as a script of a page does, with the CSRF token of that page. Gives status and JSON body.
    ///
    /// # Errors
    /// Where no answer comes, or one that is not JSON.
    pub async fn call(&self, url: impl AsRef<str>, csrf_token: &str, body: &Value) -> Result<(u16, Value)> {
        let request = self.client.post(url.as_ref()).header("x-csrf-token", csrf_token).json(body);
        let response = request.send().await?;
        Ok((response.status().as_u16(), response.json().await?))
    }

    /// Follows redirects within the same server, until a page or a redirect elsewhere.
    ///
    /// # Errors
    /// Where no answer comes, or too many redirects do.
    pub async fn follow(&self, mut page: Page) -> Result<Page> {
        for _ in 0..10 {
            match page.location() {
                Some(next) if next.origin() == page.url.origin() && next.path() != page.url.path() => {
                    page = self.get(next).await?;
                }
                _ => return Ok(page),
            }
        }
        anyhow::bail!("more than ten redirects")
    }

    /// Does what a person does with an authorization request: signs in where asked, allows what is ticked, and ends at the
    /// client's redirect URI, which is not fetched.
    ///
    /// # Errors
    /// Where a page says something else.
    pub async fn authorize(&self, url: impl AsRef<str>, email: &str, password: &str) -> Result<Url> {
        let mut page = self.follow(self.get(url).await?).await?;
        if Form::find(&page.body, "password").is_some() {
            let form = page.form("password")?.with("email", email).with("password", password);
            page = self.follow(self.submit(&page, &form).await?).await?;
        }
        if Form::find(&page.body, "interaction").is_some() {
            let form = page.form("interaction")?.with("decision", "allow");
            page = self.follow(self.submit(&page, &form).await?).await?;
        }
        let location = page.location();
        ensure!(
            page.status == StatusCode::SEE_OTHER && location.is_some(),
            "stopped at {} {}: {}",
            page.status,
            page.url.path(),
            crate::html::text(&page.body)
        );
        location.context("no redirect")
    }
}

async fn page(response: Response) -> Result<Page> {
    Ok(Page {
        url: response.url().clone(),
        status: response.status(),
        headers: response.headers().clone(),
        body: response.text().await?,
    })
}

/// A parameter of the query of a URL.
#[must_use]
pub fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(parameter, _)| parameter == name).map(|(_, value)| value.into_owned())
}
