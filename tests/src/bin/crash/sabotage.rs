//! Tampering with the rows between a kill and a restart, to see that it is noticed.

use crate::history::{Event, hash, lock};
use crate::rows::Snapshot;
use crate::site::Site;
use anyhow::Result;
use clap::ValueEnum;

/// What is done to the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sabotage {
    /// A used refresh token counts as unused.
    UnuseToken,
    /// A used code counts as unused.
    UnuseCode,
    /// An unused refresh token is not there.
    ForgetToken,
    /// A revoked grant holds again.
    ReviveGrant,
}

/// Does it; `false` where there is nothing yet that it could be done to.
pub(crate) async fn tamper(sabotage: Sabotage, site: &Site) -> Result<bool> {
    let snapshot = site.database.snapshot().await?;
    let Some(sql) = statement(sabotage, site, &snapshot) else { return Ok(false) };
    Ok(site.database.tamper(&sql).await? == 1)
}

fn statement(sabotage: Sabotage, site: &Site, snapshot: &Snapshot) -> Option<String> {
    let literal = |hex: &str| site.database.literal(hex);
    match sabotage {
        Sabotage::UnuseToken => {
            let parked = lock(&site.world.parked);
            let chain = parked.iter().find(|chain| snapshot.is_consumed(&chain.first))?;
            let key = literal(&hash(&chain.first));
            let set = "consumed_at = NULL, successor_nonce = NULL";
            Some(format!("UPDATE refresh_tokens SET {set} WHERE token_hash = {key}"))
        }
        Sabotage::UnuseCode => {
            let entries = site.world.journal.entries();
            let code = entries.iter().find_map(|entry| match &entry.event {
                Event::CodeAccepted { code, .. } => Some(hash(code)),
                _ => None,
            })?;
            Some(format!("UPDATE authorization_codes SET consumed_at = NULL WHERE code_hash = {}", literal(&code)))
        }
        Sabotage::ForgetToken => {
            let parked = lock(&site.world.parked);
            let chain = parked.iter().find(|chain| !snapshot.is_consumed(&chain.tokens.refresh))?;
            let key = literal(&hash(&chain.tokens.refresh));
            Some(format!("DELETE FROM refresh_tokens WHERE token_hash = {key}"))
        }
        Sabotage::ReviveGrant => {
            let ended = lock(&site.world.ended);
            let chain = ended.iter().find(|chain| snapshot.is_revoked(&chain.first))?;
            let grant = literal(&snapshot.tokens.get(&hash(&chain.first))?.grant);
            Some(format!("UPDATE grants SET revoked_at = NULL, revocation_reason = NULL WHERE id = {grant}"))
        }
    }
}
