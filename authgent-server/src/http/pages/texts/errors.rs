//! Texts of the error page: what happened and what to do, in the person's words.

use crate::http::pages::error::Problem;

/// What the error page says.
#[derive(Debug, PartialEq, Eq)]
pub struct ErrorTexts {
    /// Before what the person can do.
    pub what_you_can_do: &'static str,
    /// Heading of what the operator needs.
    pub for_operator: &'static str,
    /// Link to the sign-in page.
    pub try_again: &'static str,
    /// Label of the code.
    pub code: &'static str,
    /// Label of the identifier in the log.
    pub request: &'static str,
    /// Label of what the log says.
    pub cause: &'static str,
    /// [`Problem::UnknownClient`]
    pub unknown_client: ProblemTexts,
    /// [`Problem::ClientDocument`]
    pub client_document: ProblemTexts,
    /// [`Problem::ClientNotAccepted`]
    pub client_not_accepted: ProblemTexts,
    /// [`Problem::RedirectUri`]
    pub redirect_uri: ProblemTexts,
    /// [`Problem::Malformed`]
    pub malformed: ProblemTexts,
    /// [`Problem::Expired`]
    pub expired: ProblemTexts,
    /// [`Problem::SignInGone`]
    pub sign_in_gone: ProblemTexts,
    /// [`Problem::SignInDeclined`]
    pub sign_in_declined: ProblemTexts,
    /// [`Problem::ProviderDown`]
    pub provider_down: ProblemTexts,
    /// [`Problem::ProviderWrong`]
    pub provider_wrong: ProblemTexts,
    /// [`Problem::NotAllowed`]
    pub not_allowed: ProblemTexts,
    /// [`Problem::LinkedElsewhere`]
    pub linked_elsewhere: ProblemTexts,
    /// [`Problem::ForeignForm`]
    pub foreign_form: ProblemTexts,
    /// [`Problem::NotFound`]
    pub not_found: ProblemTexts,
    /// [`Problem::MethodNotAllowed`]
    pub method_not_allowed: ProblemTexts,
    /// [`Problem::Internal`]
    pub internal: ProblemTexts,
    /// [`Problem::Unavailable`]
    pub unavailable: ProblemTexts,
}

/// What the error page says about one problem.
#[derive(Debug, PartialEq, Eq)]
pub struct ProblemTexts {
    /// What happened, as a heading.
    pub title: &'static str,
    /// The same in a sentence or two.
    pub message: &'static str,
    /// What the person can do about it.
    pub what_to_do: &'static str,
}

impl ErrorTexts {
    /// The texts for a problem.
    pub const fn of(&self, problem: Problem) -> &ProblemTexts {
        match problem {
            Problem::UnknownClient => &self.unknown_client,
            Problem::ClientDocument => &self.client_document,
            Problem::ClientNotAccepted => &self.client_not_accepted,
            Problem::RedirectUri => &self.redirect_uri,
            Problem::Malformed => &self.malformed,
            Problem::Expired => &self.expired,
            Problem::SignInGone => &self.sign_in_gone,
            Problem::SignInDeclined => &self.sign_in_declined,
            Problem::ProviderDown => &self.provider_down,
            Problem::ProviderWrong => &self.provider_wrong,
            Problem::NotAllowed => &self.not_allowed,
            Problem::LinkedElsewhere => &self.linked_elsewhere,
            Problem::ForeignForm => &self.foreign_form,
            Problem::NotFound => &self.not_found,
            Problem::MethodNotAllowed => &self.method_not_allowed,
            Problem::Internal => &self.internal,
            Problem::Unavailable => &self.unavailable,
        }
    }
}

/// English.
pub static EN: ErrorTexts = ErrorTexts {
    what_you_can_do: "What you can do",
    for_operator: "For the person who runs this server",
    try_again: "Try again",
    code: "Code",
    request: "Request",
    cause: "Cause",
    unknown_client: ProblemTexts {
        title: "This app is not known here",
        message: "The app that sent you here is not registered with this server, or is no longer.",
        what_to_do: "In the app, remove this connection and add it again. That registers it anew.",
    },
    client_document: ProblemTexts {
        title: "We could not check this app",
        message: "The app that sent you here describes itself in a document on its own website, and we could not use that document.",
        what_to_do: "Try again in a minute. If it stays like this, tell the people who make the app.",
    },
    client_not_accepted: ProblemTexts {
        title: "This app cannot connect here",
        message: "The app that sent you here introduces itself in a way that this server does not accept.",
        what_to_do: "Trying again does not help. Ask the person who runs this server, and give them the details below.",
    },
    redirect_uri: ProblemTexts {
        title: "We stopped this sign-in",
        message: "The app asked us to send you back to an address that it did not register. \
                  That can be a mistake in the app, or somebody else’s attempt to get in.",
        what_to_do: "If you did not start this yourself, close this window. Otherwise remove the connection in the app and add it again.",
    },
    malformed: ProblemTexts {
        title: "Something is missing",
        message: "The app sent you here with an incomplete request, so there is nothing to sign in to.",
        what_to_do: "Go back to the app and start connecting again.",
    },
    expired: ProblemTexts {
        title: "This page is no longer valid",
        message: "It was open for too long, was already used, or belongs to another sign-in. Nothing was allowed.",
        what_to_do: "Go back to the app and start connecting again.",
    },
    sign_in_gone: ProblemTexts {
        title: "This sign-in is no longer valid",
        message: "It took too long, was finished already, or was begun in another browser. You are not signed in by it.",
        what_to_do: "Sign in once more. If you did not start this yourself, close this window.",
    },
    sign_in_declined: ProblemTexts {
        title: "You are not signed in",
        message: "The sign-in was cancelled, or your sign-in service did not let you through.",
        what_to_do: "Try again, or choose another account there.",
    },
    provider_down: ProblemTexts {
        title: "Your sign-in service does not answer",
        message: "We cannot reach the service with which you sign in here. What you connected before keeps working.",
        what_to_do: "Try again in a few minutes.",
    },
    provider_wrong: ProblemTexts {
        title: "We could not check this sign-in",
        message: "What your sign-in service answered is not what we expect of it, so nobody was signed in.",
        what_to_do: "Try again. If it stays like this, tell the person who runs this server.",
    },
    not_allowed: ProblemTexts {
        title: "This account has no access here",
        message: "You signed in, but this server does not let the account in that you used.",
        what_to_do: "Use another account, or ask the person who runs this server to let this one in.",
    },
    linked_elsewhere: ProblemTexts {
        title: "That account is taken",
        message: "The account that you chose belongs to somebody else on this server. Nothing was changed.",
        what_to_do: "Choose another account. If both are yours, unlink it in the other one first.",
    },
    foreign_form: ProblemTexts {
        title: "Please try that again",
        message: "We could not tell that this came from your own browser window. Nothing was changed.",
        what_to_do: "Allow cookies for this site, reload the page, and try again.",
    },
    not_found: ProblemTexts {
        title: "There is no such page",
        message: "The address may be mistyped, or the page is gone.",
        what_to_do: "If you were connecting an app, go back to it and start again there.",
    },
    method_not_allowed: ProblemTexts {
        title: "This page cannot be opened like that",
        message: "The address belongs to programs, or to a form on another page.",
        what_to_do: "Go back to the app and start connecting again.",
    },
    internal: ProblemTexts {
        title: "That did not work, and it is our fault",
        message: "Something went wrong on this server while it worked on your request.",
        what_to_do: "Try again in a minute. If it happens again, tell the person who runs this server, and give them the request below.",
    },
    unavailable: ProblemTexts {
        title: "We cannot answer right now",
        message: "This server is too busy, or cannot reach its data.",
        what_to_do: "Try again in a minute.",
    },
};

/// German.
pub static DE: ErrorTexts = ErrorTexts {
    what_you_can_do: "Was Sie tun können",
    for_operator: "Für die Person, die diesen Server betreibt",
    try_again: "Noch einmal versuchen",
    code: "Fehlercode",
    request: "Anfrage",
    cause: "Ursache",
    unknown_client: ProblemTexts {
        title: "Diese App ist hier nicht bekannt",
        message: "Die App, von der Sie kommen, ist bei diesem Server nicht oder nicht mehr registriert.",
        what_to_do: "Entfernen Sie in der App diese Verbindung und fügen Sie sie neu hinzu. Dabei registriert sie sich wieder.",
    },
    client_document: ProblemTexts {
        title: "Wir konnten diese App nicht prüfen",
        message: "Die App, von der Sie kommen, stellt sich in einem Dokument auf ihrer eigenen Website vor. Dieses Dokument konnten wir nicht verwenden.",
        what_to_do: "Versuchen Sie es in einer Minute noch einmal. Bleibt es dabei, sagen Sie es denen, die die App herstellen.",
    },
    client_not_accepted: ProblemTexts {
        title: "Diese App kann sich hier nicht verbinden",
        message: "Die App, von der Sie kommen, stellt sich auf eine Weise vor, die dieser Server nicht annimmt.",
        what_to_do: "Ein neuer Versuch hilft nicht. Fragen Sie die Person, die diesen Server betreibt, und geben Sie ihr die Angaben unten.",
    },
    redirect_uri: ProblemTexts {
        title: "Wir haben diese Anmeldung angehalten",
        message: "Die App wollte Sie an eine Adresse zurückschicken lassen, die sie nicht registriert hat. \
                  Das kann ein Fehler in der App sein oder der Versuch von jemand anderem, sich Zugang zu verschaffen.",
        what_to_do: "Wenn Sie das nicht selbst begonnen haben, schließen Sie dieses Fenster. Andernfalls entfernen Sie die Verbindung in der App und fügen Sie sie neu hinzu.",
    },
    malformed: ProblemTexts {
        title: "Hier fehlt etwas",
        message: "Die App hat Sie mit einer unvollständigen Anfrage hierher geschickt. Deshalb gibt es nichts, wofür Sie sich anmelden könnten.",
        what_to_do: "Gehen Sie zurück zur App und beginnen Sie dort noch einmal.",
    },
    expired: ProblemTexts {
        title: "Diese Seite gilt nicht mehr",
        message: "Sie war zu lange offen, wurde schon verwendet oder gehört zu einer anderen Anmeldung. Es wurde nichts erlaubt.",
        what_to_do: "Gehen Sie zurück zur App und beginnen Sie dort noch einmal.",
    },
    sign_in_gone: ProblemTexts {
        title: "Diese Anmeldung gilt nicht mehr",
        message: "Sie hat zu lange gedauert, ist schon abgeschlossen oder wurde in einem anderen Browser begonnen. Angemeldet sind Sie dadurch nicht.",
        what_to_do: "Melden Sie sich noch einmal an. Wenn Sie das nicht selbst begonnen haben, schließen Sie dieses Fenster.",
    },
    sign_in_declined: ProblemTexts {
        title: "Sie sind nicht angemeldet",
        message: "Die Anmeldung wurde abgebrochen, oder Ihr Anmeldedienst hat Sie nicht durchgelassen.",
        what_to_do: "Versuchen Sie es noch einmal, oder wählen Sie dort ein anderes Konto.",
    },
    provider_down: ProblemTexts {
        title: "Ihr Anmeldedienst antwortet nicht",
        message: "Wir erreichen den Dienst nicht, mit dem Sie sich hier anmelden. Was Sie schon verbunden haben, funktioniert weiter.",
        what_to_do: "Versuchen Sie es in ein paar Minuten noch einmal.",
    },
    provider_wrong: ProblemTexts {
        title: "Wir konnten diese Anmeldung nicht prüfen",
        message: "Ihr Anmeldedienst hat anders geantwortet, als wir es von ihm erwarten. Deshalb wurde niemand angemeldet.",
        what_to_do: "Versuchen Sie es noch einmal. Wenn es dabei bleibt, sagen Sie es der Person, die diesen Server betreibt.",
    },
    not_allowed: ProblemTexts {
        title: "Dieses Konto hat hier keinen Zugang",
        message: "Sie haben sich angemeldet, aber dieses Konto ist auf diesem Server nicht zugelassen.",
        what_to_do: "Nehmen Sie ein anderes Konto, oder bitten Sie die Person, die diesen Server betreibt, um Zugang.",
    },
    linked_elsewhere: ProblemTexts {
        title: "Dieses Konto ist vergeben",
        message: "Das Konto, das Sie gewählt haben, gehört auf diesem Server jemand anderem. Es wurde nichts geändert.",
        what_to_do: "Wählen Sie ein anderes Konto. Wenn beide Ihnen gehören, lösen Sie zuerst die Verknüpfung im anderen.",
    },
    foreign_form: ProblemTexts {
        title: "Bitte noch einmal",
        message: "Wir konnten nicht erkennen, dass dies aus Ihrem eigenen Browserfenster kam. Es wurde nichts geändert.",
        what_to_do: "Erlauben Sie Cookies für diese Website, laden Sie die Seite neu und versuchen Sie es noch einmal.",
    },
    not_found: ProblemTexts {
        title: "Diese Seite gibt es nicht",
        message: "Vielleicht ist die Adresse vertippt, oder die Seite gibt es nicht mehr.",
        what_to_do: "Wenn Sie gerade eine App verbinden wollten, gehen Sie zu ihr zurück und beginnen Sie dort noch einmal.",
    },
    method_not_allowed: ProblemTexts {
        title: "So lässt sich diese Seite nicht öffnen",
        message: "Die Adresse ist für Programme da oder für ein Formular auf einer anderen Seite.",
        what_to_do: "Gehen Sie zurück zur App und beginnen Sie dort noch einmal.",
    },
    internal: ProblemTexts {
        title: "Das hat nicht geklappt, und es liegt an uns",
        message: "Auf diesem Server ging etwas schief, während er Ihre Anfrage bearbeitete.",
        what_to_do: "Versuchen Sie es in einer Minute noch einmal. Geschieht es wieder, sagen Sie es der Person, die diesen Server betreibt, und nennen Sie ihr die Anfrage unten.",
    },
    unavailable: ProblemTexts {
        title: "Wir können gerade nicht antworten",
        message: "Dieser Server ist überlastet oder erreicht seine Daten nicht.",
        what_to_do: "Versuchen Sie es in einer Minute noch einmal.",
    },
};
