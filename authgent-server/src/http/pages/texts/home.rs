//! Texts of what stands at the issuer.

/// What the home page says.
#[derive(Debug, PartialEq, Eq)]
pub struct HomeTexts {
    /// Title.
    pub title: &'static str,
    /// Heading.
    pub heading: &'static str,
    /// Below it: `{host}`.
    pub lead: &'static str,
    /// For whoever came here by mistake.
    pub nothing_to_do: &'static str,
    /// Heading of the addresses for programs.
    pub developers: &'static str,
    /// Label of the issuer.
    pub issuer: &'static str,
    /// Link: RFC 8414.
    pub server_metadata: &'static str,
    /// Link: OpenID Connect Discovery.
    pub openid_configuration: &'static str,
    /// Link: RFC 7517.
    pub signing_keys: &'static str,
}

/// English.
pub static EN: HomeTexts = HomeTexts {
    title: "Home",
    heading: "This server decides which apps may act for you",
    lead: "Apps and agents ask here before they use the servers that {host} protects. You sign in, see what they want, and allow it or not.",
    nothing_to_do: "If you were connecting an app, go back to it and start again there. There is nothing to do on this page.",
    developers: "For developers",
    issuer: "Issuer",
    server_metadata: "Authorization server metadata",
    openid_configuration: "OpenID configuration",
    signing_keys: "Signing keys",
};

/// German.
pub static DE: HomeTexts = HomeTexts {
    title: "Start",
    heading: "Hier bestimmen Sie, welche Apps für Sie handeln dürfen",
    lead: "Apps und Agenten fragen hier, bevor sie die Server verwenden, die {host} schützt. Sie melden sich an, sehen, was gewünscht wird, und erlauben es oder nicht.",
    nothing_to_do: "Wenn Sie gerade eine App verbinden wollten, gehen Sie zu ihr zurück und beginnen Sie dort noch einmal. Auf dieser Seite gibt es nichts zu tun.",
    developers: "Für die Entwicklung",
    issuer: "Aussteller (Issuer)",
    server_metadata: "Metadaten des Autorisierungsservers",
    openid_configuration: "OpenID-Konfiguration",
    signing_keys: "Signaturschlüssel",
};
