//! Texts of the error page: what happened and what to do, in the person's words.

use crate::http::pages::error::Problem;

/// What the error page says.
#[derive(Debug, PartialEq, Eq)]
pub struct ErrorTexts {
    /// Before what the person can do.
    pub what_you_can_do: &'static str,
    /// Heading of what the operator needs.
    pub for_operator: &'static str,
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
