//! `authgent user sessions`, `authgent user end-sessions`

use super::{find, note};
use crate::cli::Context;
use crate::cli::answer::{Answer, Failure, date, table};
use crate::domain::{Amr, Email, EventKind, Session};
use crate::store::{Store, WriteTransaction};
use serde_json::{Value, json};

pub(super) async fn show(context: &Context, store: &Store, email: &Email) -> Result<Answer, Failure> {
    let user = find(store, email).await?;
    let sessions = store.sessions_of_user(user.id, context.now()).await?;
    let rows: Vec<_> = sessions
        .iter()
        .map(|session| {
            let device = session.device.clone();
            // What a browser calls itself may hold anything.
            let agent: String =
                device.user_agent.unwrap_or_default().chars().filter(|c| !c.is_control()).take(60).collect();
            let address = device.address.unwrap_or_default();
            [date(session.auth_time), date(session.last_seen_at), Amr::list(&session.amr), address, agent]
        })
        .collect();
    let text = table(["signed in (UTC)", "last seen (UTC)", "with", "address", "browser"], &rows);
    Ok(Answer::new(sessions.iter().map(as_json).collect(), text))
}

pub(super) async fn end(context: &Context, store: &Store, email: &Email) -> Result<Answer, Failure> {
    let user = find(store, email).await?;
    let end = async |tx: &WriteTransaction| {
        let ended = tx.delete_sessions_of_user(user.id).await?;
        if ended > 0 {
            note(context, tx, &user, EventKind::SessionEnded, json!({ "sessions_ended": ended })).await?;
        }
        Ok(ended)
    };
    let ended = context.change(store, end).await?;
    let json = json!({ "sub": user.id, "email": user.email.as_str(), "sessions_ended": ended });
    Ok(Answer::new(json, format!("{} is signed out everywhere ({ended} sessions ended)", user.email)))
}

/// Never with the hash of the cookie.
fn as_json(session: &Session) -> Value {
    json!({
        "auth_time": session.auth_time, "last_seen_at": session.last_seen_at, "expires_at": session.expires_at,
        "amr": session.amr.iter().map(|way| way.as_str()).collect::<Vec<_>>(), "address": session.device.address,
        "user_agent": session.device.user_agent, "upstream": session.upstream.as_ref().map(|upstream| &upstream.issuer),
    })
}
