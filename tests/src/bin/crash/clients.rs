//! The load: clients that hold refresh tokens, and programs that act for themselves.

use crate::caller::{Answer, Caller, Outcome, tokens};
use crate::history::{About, Event, Tokens, lock};
use crate::people::{Code, Person};
use crate::world::{CALLBACK, Chain, RESOURCE};
use anyhow::Result;
use serde_json::Value;
use std::time::Duration;

/// How many in a hundred refreshes are sent twice at once, as two windows of a client do.
const TWICE_AT_ONCE: u64 = 10;
/// How many in a hundred are sent again after the answer.
const ONCE_MORE: u64 = 5;
/// The longest pause between two requests of one client, in milliseconds.
const PAUSE: u64 = 60;
/// How many chains rest, at most.
const PARKED: usize = 150;

/// Gets tokens with a code, refreshes them for a while, ends or parks them, and begins again, until the run is over.
pub(crate) async fn client(mut caller: Caller, email: String) -> Result<()> {
    let mut person = Person::new(&email)?;
    while !caller.world.is_over() {
        let Some(code) = person.code(&mut caller).await? else { break };
        let Some(mut chain) = exchange(&mut caller, code).await else { continue };
        let length = 5 + caller.seeded.below(60);
        for _ in 0..length {
            if caller.world.is_over() || !rotate(&mut caller, &mut chain).await {
                break;
            }
            pause(&mut caller).await;
        }
        finish(&mut caller, chain).await;
    }
    Ok(())
}

async fn pause(caller: &mut Caller) {
    let pause = caller.seeded.below(PAUSE);
    tokio::time::sleep(Duration::from_millis(pause)).await;
}

/// The tokens of a code. The same code is sent again where no answer came: either it was not redeemed, and is now, or the
/// client is refused and begins again, which the protocol provides for.
async fn exchange(caller: &mut Caller, Code { code, verifier }: Code) -> Option<Chain> {
    let world = caller.world.clone();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("client_id", &world.web),
        ("code_verifier", &verifier),
        ("resource", RESOURCE),
    ];
    match caller.persist("/oauth/token", &form, Some((About::Exchange, &code)), false).await {
        Outcome::Done { sent, body } => {
            let tokens = complete(caller, &body)?;
            world.journal.answered(sent, Event::CodeAccepted { code: code.clone(), tokens: tokens.clone() });
            world.count("exchanges");
            world.remember(&tokens.access);
            Some(Chain { code, verifier, first: tokens.refresh.clone(), tokens })
        }
        Outcome::Refused { sent, error } if error == "invalid_grant" => {
            world.journal.answered(sent, Event::CodeRefused { code: code.clone() });
            None
        }
        Outcome::Refused { error, .. } => {
            world.journal.push(Event::Strange { what: format!("a code was refused with {error}") });
            None
        }
        Outcome::GaveUp => None,
    }
}

fn complete(caller: &Caller, body: &Value) -> Option<Tokens> {
    let tokens = tokens(body);
    if tokens.is_none() {
        caller.world.journal.push(Event::Strange { what: "an answer without tokens".to_owned() });
    }
    tokens
}

/// One refresh; `false` where the chain cannot go on.
async fn rotate(caller: &mut Caller, chain: &mut Chain) -> bool {
    let presented = chain.tokens.refresh.clone();
    let mut next = None;
    if caller.seeded.happens(TWICE_AT_ONCE) {
        let (one, other) = (caller.server(), caller.server());
        let (one, other) = tokio::join!(refresh_once(caller, one, &presented), refresh_once(caller, other, &presented));
        next = one.or(other);
    }
    if next.is_none() {
        next = refresh(caller, &presented).await;
    }
    let Some(tokens) = next else { return false };
    chain.tokens = tokens;
    if caller.seeded.happens(ONCE_MORE) {
        caller.world.count("sent again");
        refresh(caller, &presented).await;
    }
    true
}

/// Presents a refresh token until there is an answer.
pub(crate) async fn refresh(caller: &mut Caller, presented: &str) -> Option<Tokens> {
    let client_id = caller.world.web.clone();
    let form = [("grant_type", "refresh_token"), ("refresh_token", presented), ("client_id", &client_id)];
    match caller.persist("/oauth/token", &form, Some((About::Rotation, presented)), false).await {
        Outcome::Done { sent, body } => rotated(caller, sent, presented, &body),
        Outcome::Refused { sent, error } => refused(caller, sent, presented, &error),
        Outcome::GaveUp => None,
    }
}

/// Presents it once, and does not ask again.
async fn refresh_once(caller: &Caller, server: usize, presented: &str) -> Option<Tokens> {
    let form = [("grant_type", "refresh_token"), ("refresh_token", presented), ("client_id", &caller.world.web)];
    let sent = caller.world.journal.len();
    match caller.post(server, "/oauth/token", &form, false).await {
        Answer::Done(body) => rotated(caller, sent, presented, &body),
        Answer::Refused(error) => refused(caller, sent, presented, &error),
        Answer::NotSent => None,
        answer => {
            caller.uncertain(sent, About::Rotation, presented, matches!(answer, Answer::Lost));
            None
        }
    }
}

fn rotated(caller: &Caller, sent: usize, presented: &str, body: &Value) -> Option<Tokens> {
    let tokens = complete(caller, body)?;
    let event = Event::Rotated { presented: presented.to_owned(), tokens: tokens.clone() };
    caller.world.journal.answered(sent, event);
    caller.world.count("refreshes");
    caller.world.remember(&tokens.access);
    Some(tokens)
}

fn refused(caller: &Caller, sent: usize, presented: &str, error: &str) -> Option<Tokens> {
    let event = match error {
        "invalid_grant" => Event::Refused { presented: presented.to_owned() },
        _ => Event::Strange { what: format!("a refresh token was refused with {error}") },
    };
    caller.world.journal.answered(sent, event);
    None
}

/// Half of the chains are revoked, some are ended by presenting their code again, and the others rest while there is room.
async fn finish(caller: &mut Caller, chain: Chain) {
    let choice = caller.seeded.below(100);
    if caller.world.is_over() || choice >= 70 {
        let mut parked = lock(&caller.world.parked);
        if parked.len() < PARKED || caller.world.is_over() {
            parked.push(chain);
            return;
        }
    }
    match choice {
        0..28 => revoke(caller, chain, true).await,
        28..55 => revoke(caller, chain, false).await,
        _ => replay(caller, chain).await,
    }
}

/// Revokes with one of its tokens: either ends the grant.
async fn revoke(caller: &mut Caller, chain: Chain, with_refresh_token: bool) {
    let world = caller.world.clone();
    let refresh = chain.tokens.refresh.clone();
    let token = if with_refresh_token { refresh.clone() } else { chain.tokens.access.clone() };
    world.journal.push(Event::EndAsked { token: refresh.clone() });
    let form = [("token", token.as_str()), ("client_id", &world.web)];
    match caller.persist("/oauth/revoke", &form, Some((About::Revocation, &refresh)), false).await {
        Outcome::Done { sent, .. } => {
            world.journal.answered(sent, Event::Ended { token: refresh });
            world.count("revocations");
            lock(&world.ended).push(chain);
        }
        Outcome::Refused { error, .. } => {
            world.journal.push(Event::Strange { what: format!("a revocation was refused with {error}") });
        }
        Outcome::GaveUp => {}
    }
}

/// Presents the code once more, as a thief would: it must be refused, and ends what it issued.
async fn replay(caller: &mut Caller, chain: Chain) {
    let world = caller.world.clone();
    world.journal.push(Event::ReplayAsked { code: chain.code.clone() });
    let again = Code { code: chain.code.clone(), verifier: chain.verifier.clone() };
    if exchange(caller, again).await.is_none() {
        world.count("replays refused");
        lock(&world.ended).push(chain);
    }
}

/// A client that gets tokens for itself, and asks whether tokens are active.
pub(crate) async fn program(mut caller: Caller) -> Result<()> {
    let form = [("grant_type", "client_credentials"), ("resource", RESOURCE), ("scope", "mcp:read")];
    while !caller.world.is_over() {
        match caller.persist("/oauth/token", &form, None, true).await {
            Outcome::Done { sent, body } => match body["access_token"].as_str() {
                Some(access) => {
                    caller.world.journal.answered(sent, Event::Issued { access: access.to_owned() });
                    caller.world.count("client_credentials");
                    caller.world.remember(access);
                }
                None => caller.world.journal.push(Event::Strange { what: "an answer without a token".to_owned() }),
            },
            Outcome::Refused { error, .. } => {
                let what = format!("client_credentials were refused with {error}");
                caller.world.journal.push(Event::Strange { what });
            }
            Outcome::GaveUp => break,
        }
        let known = caller.world.access_tokens();
        if let Some(access) = caller.seeded.index(known.len()).map(|place| known[place].clone()) {
            introspect(&mut caller, &access).await;
        }
        pause(&mut caller).await;
    }
    Ok(())
}

/// Asks whether an access token is active.
pub(crate) async fn introspect(caller: &mut Caller, access: &str) {
    let world = caller.world.clone();
    match caller.persist("/oauth/introspect", &[("token", access)], None, true).await {
        Outcome::Done { sent, body } => {
            let active = body["active"] == true;
            world.journal.answered(sent, Event::Looked { access: access.to_owned(), active });
            world.count("introspections");
        }
        Outcome::Refused { error, .. } => {
            world.journal.push(Event::Strange { what: format!("introspection was refused with {error}") });
        }
        Outcome::GaveUp => {}
    }
}
