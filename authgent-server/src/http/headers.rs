//! Headers that every response has.

use actix_web::middleware::DefaultHeaders;

/// No `Cross-Origin-Opener-Policy`: web clients open the sign-in in a popup and wait for its callback to speak to them.
/// No sniffing, no referrer (the URL of the consent page is a secret), no frame, nothing for other origins to embed.
pub(super) fn security() -> DefaultHeaders {
    DefaultHeaders::new()
        .add(("X-Content-Type-Options", "nosniff"))
        .add(("X-Frame-Options", "DENY"))
        .add(("Referrer-Policy", "no-referrer"))
        .add((
            "Content-Security-Policy",
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ))
}
