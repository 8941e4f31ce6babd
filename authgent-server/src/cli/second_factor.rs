//! `authgent user drop-second-factor`: for whoever has lost both the authenticator app and the recovery codes.

use super::Context;
use super::answer::{Answer, Failure};
use crate::crypto::random::uuid_v7;
use crate::domain::{AccountEvent, Device, EventKind, User};
use crate::store::{Store, WriteTransaction};
use serde_json::json;

/// Removes a person's authenticator app and recovery codes. Passwords and passkeys stay.
pub(super) async fn drop(context: &Context, store: &Store, user: &User) -> Result<Answer, Failure> {
    let now = context.now();
    let drop = async |tx: &WriteTransaction| {
        let dropped = tx.delete_totp(user.id).await?;
        tx.replace_recovery_codes(user.id, &[], now).await?;
        if dropped {
            tx.insert_event(&AccountEvent {
                id: uuid_v7(&*context.dependencies.random, now),
                user_id: user.id,
                at: now,
                kind: EventKind::TotpDisabled,
                device: Device::default(),
                detail: json!({ "by": "operator" }),
            })
            .await?;
        }
        Ok(dropped)
    };
    let dropped = context.change(store, drop).await?;
    let text = if dropped { "signs in without an authenticator app again" } else { "has no authenticator app" };
    let answer = json!({ "sub": user.id, "email": user.email.as_str(), "dropped": dropped });
    Ok(Answer::new(answer, format!("{} {text}", user.email)))
}
