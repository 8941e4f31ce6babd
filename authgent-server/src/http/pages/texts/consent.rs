//! Texts of the consent page.

/// What the consent page says.
#[derive(Debug, PartialEq, Eq)]
pub struct ConsentTexts {
    /// Title: `{client}`.
    pub title: &'static str,
    /// Title where more is asked for: `{client}`.
    pub title_grows: &'static str,
    /// Title where the same is asked again: `{client}`.
    pub title_again: &'static str,
    /// Heading: `{client}`, `{resource}`.
    pub heading: &'static str,
    /// Heading where more is asked for: `{client}`, `{resource}`.
    pub heading_grows: &'static str,
    /// Below it.
    pub lead_grows: &'static str,
    /// Heading where the same is asked again: `{client}`, `{resource}`.
    pub heading_again: &'static str,
    /// Below it.
    pub lead_again: &'static str,
    /// Heading of the permissions.
    pub may: &'static str,
    /// Heading of those that are new.
    pub may_new: &'static str,
    /// Opens the permissions where all were given before: `{count}`.
    pub may_again: &'static str,
    /// Opens those from before: `{count}`.
    pub already_allowed: &'static str,
    /// Permission that every client has: nothing but the identifier.
    pub identity: &'static str,
    /// The same with one thing about the person: `{first}`.
    pub identity_one: &'static str,
    /// The same with several: `{first}`, `{last}`.
    pub identity_more: &'static str,
    /// What is learnt: the e-mail address.
    pub your_email: &'static str,
    /// What is learnt: the name.
    pub your_name: &'static str,
    /// Permission `email` of OpenID Connect.
    pub scope_email: &'static str,
    /// Permission `profile` of OpenID Connect.
    pub scope_profile: &'static str,
    /// Label of the client.
    pub app: &'static str,
    /// Badge: the operator trusts the client's host.
    pub verified: &'static str,
    /// Who publishes the client's document: `{host}`.
    pub published_by: &'static str,
    /// Label of the resource.
    pub server: &'static str,
    /// Label of the redirect URI.
    pub goes_back_to: &'static str,
    /// It opens an app: `{scheme}`.
    pub goes_back_to_app: &'static str,
    /// It goes to loopback.
    pub goes_back_to_program: &'static str,
    /// Label of the duration.
    pub how_long: &'static str,
    /// The client can renew its access.
    pub until_taken_back: &'static str,
    /// It cannot.
    pub until_asked_again: &'static str,
    /// Where access is taken back: `{account}`.
    pub take_back_in_account: &'static str,
    /// What `{account}` stands for.
    pub your_account: &'static str,
    /// Who takes access back: `{host}`.
    pub take_back_by_operator: &'static str,
    /// Warning: the same name as another client, whose host is known: `{name}`, `{host}`.
    pub not_the_one_of: &'static str,
    /// The same where it is not: `{name}`.
    pub not_the_one: &'static str,
    /// What follows: `{home}`.
    pub not_the_one_detail: &'static str,
    /// Warning: `{host}`.
    pub do_you_trust: &'static str,
    /// What follows where the name holds another's, whose host is known: `{name}`, `{host}`.
    pub name_of_another_host: &'static str,
    /// The same where it is not: `{name}`.
    pub name_of_another: &'static str,
    /// Warning: the answer goes to a program or an app.
    pub did_you_start: &'static str,
    /// What follows for an app: `{scheme}`, `{client}`.
    pub any_app: &'static str,
    /// What follows for a program: `{client}`.
    pub any_program: &'static str,
    /// What follows for a client with a document.
    pub nobody_checked: &'static str,
    /// Where the answer goes, if elsewhere: `{host}`.
    pub access_goes_to: &'static str,
    /// What follows for a client that registered itself: `{client}`.
    pub chose_its_name: &'static str,
    /// A website that the client claims: `{host}`.
    pub says_website: &'static str,
    /// A website that the operator vouches for: `{host}`.
    pub website: &'static str,
    /// Button: refuses.
    pub deny: &'static str,
    /// Button: allows.
    pub allow: &'static str,
    /// Button: allows in spite of a warning.
    pub allow_anyway: &'static str,
    /// Button: allows the same again.
    pub connect: &'static str,
    /// Button: allows the same again in spite of a warning.
    pub connect_anyway: &'static str,
    /// Button: signs out and in again.
    pub switch: &'static str,
    /// Strong: the question comes back.
    pub asked_again: &'static str,
    /// After it: what is another than before, as a list.
    pub changed: &'static str,
    /// In that list: the client's name.
    pub changed_client: &'static str,
    /// In that list: where the client leads.
    pub changed_destination: &'static str,
    /// In that list: the resource's name.
    pub changed_resource: &'static str,
    /// In that list: the scopes' descriptions.
    pub changed_scopes: &'static str,
    /// Above the dangerous scopes.
    pub dangerous: &'static str,
}

/// English.
pub static EN: ConsentTexts = ConsentTexts {
    title: "Allow {client}?",
    title_grows: "More access for {client}",
    title_again: "Connect {client} again?",
    heading: "Allow {client} to use {resource}?",
    heading_grows: "{client} asks for more access to {resource}",
    lead_grows: "What you allowed before stays as it is.",
    heading_again: "Connect {client} to {resource} again?",
    lead_again: "You allowed all of this before.",
    may: "It will be able to",
    may_new: "New",
    may_again: "What it will be able to ({count})",
    already_allowed: "Already allowed ({count})",
    identity: "Know that it is you",
    identity_one: "See your {first}",
    identity_more: "See your {first} and {last}",
    your_email: "email",
    your_name: "name",
    scope_email: "See your email address",
    scope_profile: "See your name",
    app: "App",
    verified: "Verified",
    published_by: "Published by {host}",
    server: "Server",
    goes_back_to: "Goes back to",
    goes_back_to_app: "The app on this device that opens {scheme}: links",
    goes_back_to_program: "A program on this computer",
    how_long: "How long",
    until_taken_back: "Until you take it back",
    until_asked_again: "Until it asks again",
    take_back_in_account: "Any time, in {account}",
    your_account: "your account",
    take_back_by_operator: "To take it back, ask the person who runs {host}",
    not_the_one_of: "This is not the {name} of {host}.",
    not_the_one: "This is not the {name} you may know.",
    not_the_one_detail: "It uses the same name, but belongs to {home}. If you meant the real one, don’t allow this.",
    do_you_trust: "Do you trust {host}?",
    name_of_another_host: "The name holds “{name}”, but this app has nothing to do with {host}, as far as we can tell.",
    name_of_another: "The name holds “{name}”, but this app is another one, as far as we can tell.",
    did_you_start: "Did you just start this yourself?",
    any_app: "Your device will open the app registered for {scheme}: links. Any app can call itself “{client}”.",
    any_program: "Access goes to a program on this computer. Any program can call itself “{client}”.",
    nobody_checked: "That is where this app comes from. Nobody here has checked it.",
    access_goes_to: "Access goes to {host}.",
    chose_its_name: "Access goes there. The app chose the name “{client}” itself; nobody has checked it.",
    says_website: "It says that its website is {host}.",
    website: "Its website is {host}.",
    deny: "Don’t allow",
    allow: "Allow",
    allow_anyway: "Allow anyway",
    connect: "Connect",
    connect_anyway: "Connect anyway",
    switch: "Use another account",
    asked_again: "You are asked again, because something has changed.",
    changed: "Not as it was when you allowed it: {changes}.",
    changed_client: "what the app calls itself",
    changed_destination: "where it leads",
    changed_resource: "what the server is called",
    changed_scopes: "what the permissions say",
    dangerous: "Only if you tick it",
};

/// German.
pub static DE: ConsentTexts = ConsentTexts {
    title: "Darf {client} zugreifen?",
    title_grows: "Mehr Zugriff für {client}",
    title_again: "{client} wieder verbinden?",
    heading: "Darf {client} auf {resource} zugreifen?",
    heading_grows: "{client} bittet um mehr Zugriff auf {resource}",
    lead_grows: "Was Sie schon erlaubt haben, bleibt, wie es ist.",
    heading_again: "Soll {client} wieder mit {resource} verbunden werden?",
    lead_again: "Sie haben all das schon einmal erlaubt.",
    may: "Die App darf dann",
    may_new: "Neu",
    may_again: "Was die App dann darf ({count})",
    already_allowed: "Schon erlaubt ({count})",
    identity: "Erkennen, dass Sie es sind",
    identity_one: "{first} sehen",
    identity_more: "{first} und {last} sehen",
    your_email: "Ihre E-Mail-Adresse",
    your_name: "Ihren Namen",
    scope_email: "Ihre E-Mail-Adresse sehen",
    scope_profile: "Ihren Namen sehen",
    app: "App",
    verified: "Geprüft",
    published_by: "Veröffentlicht von {host}",
    server: "Server",
    goes_back_to: "Zurück zu",
    goes_back_to_app: "Der App auf diesem Gerät, die {scheme}:-Links öffnet",
    goes_back_to_program: "Einem Programm auf diesem Computer",
    how_long: "Wie lange",
    until_taken_back: "Bis Sie es zurücknehmen",
    until_asked_again: "Bis die App wieder fragt",
    take_back_in_account: "Jederzeit, in {account}",
    your_account: "Ihrem Konto",
    take_back_by_operator: "Zurücknehmen kann es für Sie, wer {host} betreibt",
    not_the_one_of: "Das ist nicht {name} von {host}.",
    not_the_one: "Das ist nicht {name}, wie Sie es vielleicht kennen.",
    not_the_one_detail: "Die App trägt denselben Namen, gehört aber zu {home}. Wenn Sie das Original meinten, erlauben Sie das hier nicht.",
    do_you_trust: "Vertrauen Sie {host}?",
    name_of_another_host: "Im Namen steckt „{name}“, doch soweit wir sehen, hat diese App mit {host} nichts zu tun.",
    name_of_another: "Im Namen steckt „{name}“, doch soweit wir sehen, ist das eine andere App.",
    did_you_start: "Haben Sie das gerade selbst begonnen?",
    any_app: "Ihr Gerät öffnet die App, die für {scheme}:-Links eingerichtet ist. Jede App kann sich „{client}“ nennen.",
    any_program: "Der Zugriff geht an ein Programm auf diesem Computer. Jedes Programm kann sich „{client}“ nennen.",
    nobody_checked: "Von dort kommt diese App. Hier hat sie niemand geprüft.",
    access_goes_to: "Der Zugriff geht an {host}.",
    chose_its_name: "Dorthin geht der Zugriff. Die App hat sich den Namen „{client}“ selbst gegeben; niemand hat ihn geprüft.",
    says_website: "Als ihre Website nennt sie {host}.",
    website: "Ihre Website ist {host}.",
    deny: "Nicht erlauben",
    allow: "Erlauben",
    allow_anyway: "Trotzdem erlauben",
    connect: "Verbinden",
    connect_anyway: "Trotzdem verbinden",
    switch: "Anderes Konto verwenden",
    asked_again: "Sie werden wieder gefragt, denn etwas hat sich geändert.",
    changed: "Nicht mehr so, wie Sie es erlaubt haben: {changes}.",
    changed_client: "wie sich die App nennt",
    changed_destination: "wohin sie führt",
    changed_resource: "wie der Server heißt",
    changed_scopes: "was die Berechtigungen besagen",
    dangerous: "Nur, wenn Sie es ankreuzen",
};
