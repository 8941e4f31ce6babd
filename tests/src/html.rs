//! Reading pages as a browser does: forms with their hidden fields, and text.

use scraper::{ElementRef, Html, Selector};

/// A form of a page, with the values that its fields have before anybody types.
#[derive(Debug, Clone)]
pub struct Form {
    /// Where it is sent to, as it stands in the page.
    pub action: String,
    /// Name and value of each field that would be sent; ticked boxes only.
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// The first form of a page that has a field of that name.
    #[must_use]
    pub fn find(page: &str, field: &str) -> Option<Self> {
        let document = Html::parse_document(page);
        document.select(&selector("form")).map(Self::read).find(|form| form.get(field).is_some())
    }

    fn read(form: ElementRef<'_>) -> Self {
        let inputs = selector("input[name]");
        let fields = form.select(&inputs).filter_map(|input| {
            let attribute = |name: &str| input.value().attr(name);
            let sent = match attribute("type").unwrap_or("text") {
                "checkbox" | "radio" => attribute("checked").is_some(),
                "submit" | "button" | "reset" => false,
                _ => true,
            };
            (sent && attribute("disabled").is_none()).then(|| {
                (attribute("name").unwrap_or_default().to_owned(), attribute("value").unwrap_or_default().to_owned())
            })
        });
        Self { action: form.value().attr("action").unwrap_or_default().to_owned(), fields: fields.collect() }
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Types into a field: its value is replaced, or the field added.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(field, _)| field != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Unticks a box.
    #[must_use]
    pub fn without(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(field, known)| field != name || known != value);
        self
    }
}

/// The text that a person reads on a page.
#[must_use]
pub fn text(page: &str) -> String {
    let document = Html::parse_document(page);
    let body: Vec<&str> = document.select(&selector("body")).flat_map(|body| body.text()).collect();
    body.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn selector(css: &str) -> Selector {
    Selector::parse(css).unwrap_or_else(|error| panic!("{css} is a selector of this file: {error}"))
}
