//! The consent page.

use askama::Template;

use super::Layout;
use super::display::filters;
use super::texts::sentence::fill;
use crate::service::consent::Change;

/// One permission on the consent page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeRow {
    /// The scope token, for example `mcp:read`.
    pub name: String,
    /// What it allows, in words. Where it is empty, the token stands in.
    pub description: String,
    /// The person cannot untick it: without it the request makes no sense.
    pub required: bool,
    /// Ticked to begin with.
    pub checked: bool,
    /// The person allowed this to this client before.
    pub already_granted: bool,
    /// The resource calls it dangerous: it stands apart, and is off until it is ticked.
    pub dangerous: bool,
}

impl ScopeRow {
    /// What to show a person.
    pub fn words(&self) -> &str {
        if self.description.trim().is_empty() { &self.name } else { &self.description }
    }
}

/// Who stands behind a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The operator made it.
    Operator,
    /// It publishes a document at a host that the operator trusts, and the answer goes to the web.
    Verified {
        /// The host.
        host: String,
    },
    /// It publishes a document at this host, for which nobody vouches; or the document is of no use as a proof, because the
    /// answer goes to a program.
    Published {
        /// The host.
        host: String,
    },
    /// It registered itself.
    Registered,
}

/// A client whose name another one uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imitation {
    /// Its name.
    pub name: String,
    /// Where it is at home.
    pub host: Option<String>,
    /// Whether the names look the same; otherwise one stands in the other.
    pub same: bool,
}

/// `GET /consent`: who asks for what, for which server, and where it leads.
///
/// The form posts `interaction`, `csrf_token`, `decision` (`allow` or `deny`), and `scope` once for each
/// permission that is ticked, required, or kept from before. Refusing is the first button in the document,
/// so that the Enter key never allows anything.
#[derive(Debug, Clone, Template)]
#[template(path = "consent.html")]
pub struct ConsentPage {
    /// The frame.
    pub layout: Layout,
    /// Path that the form posts to.
    pub action: String,
    /// Ticket of the pending authorization.
    pub interaction: String,
    /// Goes back with the form; equal to the cookie of the same purpose.
    pub csrf_token: String,
    /// The client's name, as it registered.
    pub client_name: String,
    /// Host of the client's own website, if it named one.
    pub client_host: Option<String>,
    /// Who stands behind the client.
    pub standing: Standing,
    /// The client that this one seems to be and is not.
    pub imitates: Option<Imitation>,
    /// Host that the browser goes back to, in ASCII form, with the port where there is one.
    pub redirect_host: String,
    /// The redirect goes to a program on the person's own computer.
    pub returns_to_loopback: bool,
    /// Scheme of a redirect that opens an app (`cursor`), without the colon.
    pub private_scheme: Option<String>,
    /// The resource's name for people.
    pub resource_name: String,
    /// The resource's canonical URI.
    pub resource_uri: String,
    /// What the resource learns about the person, in words of the page's language. May be empty.
    pub shared_profile: Vec<String>,
    /// Everything that is asked for.
    pub scopes: Vec<ScopeRow>,
    /// The client can renew its access on its own.
    pub offline_access: bool,
    /// Who is signed in.
    pub user_email: String,
    /// Path of the form that signs out; posts `csrf_token` and `return_to`.
    pub switch_action: String,
    /// Where to go after signing out: the authorization request again.
    pub switch_return_to: String,
    /// Page on which the person can take access back, where there is one.
    pub account_url: Option<String>,
    /// What has changed since the person allowed it, where they are asked again for that.
    pub changed: Vec<Change>,
}

impl ConsentPage {
    /// Whether something is asked for on top of what was allowed before.
    fn grows(&self) -> bool {
        let granted = self.scopes.iter().filter(|scope| scope.already_granted).count();
        granted > 0 && granted < self.scopes.len()
    }

    /// Whether everything was allowed before, and is asked again because it cannot be known which program asks.
    fn repeats(&self) -> bool {
        !self.scopes.is_empty() && self.scopes.iter().all(|scope| scope.already_granted)
    }

    /// Whether the name is a deception, as far as can be told: the page then advises against allowing.
    fn deceives(&self) -> bool {
        self.imitates.as_ref().is_some_and(|imitation| imitation.same)
    }

    /// Where the client is at home: the host of its document, or the one that the answer goes to.
    fn home(&self) -> &str {
        match &self.standing {
            Standing::Verified { host } | Standing::Published { host } => host,
            Standing::Operator | Standing::Registered => &self.redirect_host,
        }
    }

    /// Whether the operator vouches for the client.
    const fn vouched_for(&self) -> bool {
        matches!(self.standing, Standing::Operator | Standing::Verified { .. })
    }

    /// The permissions to decide on, but for the dangerous ones.
    fn new_scopes(&self) -> Vec<&ScopeRow> {
        let grows = self.grows();
        self.scopes.iter().filter(|scope| !(scope.dangerous || grows && scope.already_granted)).collect()
    }

    /// The dangerous ones to decide on.
    fn dangerous_scopes(&self) -> Vec<&ScopeRow> {
        let grows = self.grows();
        self.scopes.iter().filter(|scope| scope.dangerous && !(grows && scope.already_granted)).collect()
    }

    /// What has changed since the person allowed it, in words.
    fn changes(&self) -> String {
        let t = self.layout.texts.consent;
        let words = |change: &Change| match change {
            Change::Client => t.changed_client,
            Change::Destination => t.changed_destination,
            Change::Resource => t.changed_resource,
            Change::Scopes => t.changed_scopes,
        };
        self.changed.iter().map(words).collect::<Vec<_>>().join(", ")
    }

    /// The permissions from before, when more are asked for.
    fn granted_scopes(&self) -> Vec<&ScopeRow> {
        let grows = self.grows();
        self.scopes.iter().filter(|scope| grows && scope.already_granted).collect()
    }

    /// The permissions that the form sends without a checkbox.
    fn kept_scopes(&self) -> Vec<&ScopeRow> {
        let grows = self.grows();
        self.scopes.iter().filter(|scope| scope.required || (grows && scope.already_granted)).collect()
    }

    /// The website that the client names, unless it is where the browser goes back to anyway.
    fn other_website(&self) -> Option<&str> {
        self.client_host.as_deref().filter(|host| *host != self.redirect_host && *host != self.home())
    }

    /// What every client learns, as a permission in words.
    fn identity_words(&self) -> String {
        let t = self.layout.texts.consent;
        match self.shared_profile.as_slice() {
            [] => t.identity.to_owned(),
            [one] => fill(t.identity_one, &[("first", one)]),
            [rest @ .., last] => fill(t.identity_more, &[("first", &rest.join(", ")), ("last", last)]),
        }
    }

    /// What the button that allows says.
    fn allow_words(&self) -> &'static str {
        let t = self.layout.texts.consent;
        match (self.repeats(), self.deceives()) {
            (false, false) => t.allow,
            (false, true) => t.allow_anyway,
            (true, false) => t.connect,
            (true, true) => t.connect_anyway,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn scope(name: &str, required: bool, checked: bool, already_granted: bool) -> ScopeRow {
        ScopeRow {
            name: name.to_owned(),
            description: format!("Do {name}"),
            required,
            checked,
            already_granted,
            dangerous: false,
        }
    }

    fn page(scopes: Vec<ScopeRow>) -> String {
        ConsentPage { scopes, ..samples::consent() }.render().unwrap()
    }

    #[test]
    fn required_scopes_are_sent_and_optional_ones_can_be_unticked() {
        let html =
            page(vec![scope("a", true, true, false), scope("b", false, true, false), scope("c", false, false, false)]);
        assert!(html.contains(r#"<input type="hidden" name="scope" value="a">"#));
        assert!(html.contains(r#"name="scope" value="b" checked>"#));
        assert!(html.contains(r#"name="scope" value="c">"#));
        assert_eq!(html.matches(r#"type="checkbox""#).count(), 2);
        assert!(!html.contains("Already allowed"));
    }

    #[test]
    fn growth_shows_what_is_new_apart_and_keeps_the_rest() {
        let html = page(vec![scope("old", false, true, true), scope("new", false, true, false)]);
        assert!(html.contains("asks for more access"));
        assert!(html.contains("Already allowed (1)"));
        assert!(html.contains(r#"<input type="hidden" name="scope" value="old">"#));
        assert_eq!(html.matches(r#"type="checkbox""#).count(), 1);
    }

    #[test]
    fn what_is_dangerous_stands_apart_and_is_off() {
        let delete = ScopeRow { dangerous: true, ..scope("delete", false, false, false) };
        let html = page(vec![scope("a", true, true, false), delete]);
        let apart = html.find("Only if you tick it").unwrap();
        let row = html.find(r#"name="scope" value="delete">"#).unwrap();
        assert!(apart < row && html.find(r#"value="a""#).unwrap() < apart);
    }

    #[test]
    fn what_has_changed_is_said() {
        assert!(!samples::consent().render().unwrap().contains("You are asked again"));
        let changed = vec![Change::Client, Change::Scopes];
        let html = ConsentPage { changed, ..samples::consent() }.render().unwrap();
        assert!(
            html.contains("You are asked again")
                && html.contains("what the app calls itself, what the permissions say")
        );
    }

    #[test]
    fn asking_again_for_the_same_is_no_growth() {
        let html = page(vec![scope("old", false, true, true)]);
        assert!(!html.contains("more access") && html.contains(r#"value="old" checked>"#));
        assert!(html.contains("again?") && html.contains("allowed all of this before"));
    }

    #[test]
    fn who_stands_behind_a_client_is_said() {
        let of = |standing| ConsentPage { standing, ..samples::consent() }.render().unwrap();
        let verified = of(Standing::Verified { host: "claude.ai".into() });
        assert!(verified.contains("Verified") && verified.contains("Published by claude.ai"));
        let published = of(Standing::Published { host: "apps.example.org".into() });
        assert!(!published.contains("Verified") && published.contains("Do you trust apps.example.org?"));
        assert!(published.contains("Access goes to claude.ai."), "the two hosts differ");
        assert!(!of(Standing::Registered).contains("Published by"));
    }

    #[test]
    fn an_imitation_is_pointed_out_once_and_refusing_is_what_is_offered() {
        let imitates = |same| Some(Imitation { name: "Claude".into(), host: Some("claude.ai".into()), same });
        let of = |same| {
            let client_name = if same { "CIaude" } else { "Claude Helper" }.to_owned();
            let redirect_host = "evil.example".to_owned();
            let page = ConsentPage { client_name, redirect_host, imitates: imitates(same), ..samples::consent() };
            page.render().unwrap()
        };
        let same = of(true);
        assert!(same.contains("This is not the <bdi>Claude</bdi> of claude.ai"));
        assert!(same.contains(r#"class="button button-primary" type="submit" name="decision" value="deny""#));
        assert!(!same.contains(r#"class="button button-primary" type="submit" name="decision" value="allow""#));
        let within = of(false);
        assert!(within.contains("has nothing to do with claude.ai"));
        assert!(within.contains(r#"class="button button-primary" type="submit" name="decision" value="allow""#));
        for html in [same, within] {
            assert_eq!(html.matches(r#"class="notice"#).count(), 1, "one warning, the strongest");
        }
    }

    #[test]
    fn each_way_back_has_its_own_warning() {
        let web = samples::consent().render().unwrap();
        assert!(web.contains("Do you trust claude.ai?"));
        let loopback =
            ConsentPage { returns_to_loopback: true, redirect_host: "127.0.0.1:4711".into(), ..samples::consent() };
        let loopback = loopback.render().unwrap();
        assert!(loopback.contains("A program on this computer") && loopback.contains("127.0.0.1:4711"));
        let app = ConsentPage { private_scheme: Some("cursor".into()), ..samples::consent() }.render().unwrap();
        assert!(app.contains("registered for cursor: links"));
        for standing in [Standing::Operator, Standing::Verified { host: "claude.ai".into() }] {
            let known = ConsentPage { standing, ..samples::consent() }.render().unwrap();
            assert!(!known.contains("notice"));
        }
    }

    #[test]
    fn a_website_is_named_only_where_it_differs_from_the_way_back() {
        assert!(!samples::consent().render().unwrap().contains("website"));
        let other = ConsentPage { client_host: Some("example.org".into()), ..samples::consent() }.render().unwrap();
        assert!(other.contains("It says that its website is example.org."));
    }

    #[test]
    fn refusing_comes_before_allowing() {
        let html = samples::consent().render().unwrap();
        assert!(html.find(r#"value="deny""#).unwrap() < html.find(r#"value="allow""#).unwrap());
    }
}
