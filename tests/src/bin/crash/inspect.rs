//! What is looked at after kills and at the end: over HTTP as a client, and in the rows.

use crate::caller::Caller;
use crate::checker::{self, Kind, Violation};
use crate::clients::{introspect, refresh};
use crate::history::{Event, lock};
use crate::rows;
use crate::site::Site;
use crate::world::Chain;
use anyhow::Result;
use josekit::jwk::Jwk;
use josekit::jws::{self, ES256};

/// Clients come back to what they were told, at most `most` of each kind: chains that rest go on, what was ended stays ended,
/// access tokens are active and signed with a published key.
pub(crate) async fn over_http(caller: &mut Caller, most: usize) -> Result<()> {
    for mut chain in take_parked(caller, most) {
        if let Some(tokens) = refresh(caller, &chain.tokens.refresh.clone()).await {
            chain.tokens = tokens;
        }
        lock(&caller.world.parked).push(chain);
    }
    let ended = lock(&caller.world.ended).clone();
    for chain in caller.seeded.sample(&ended, most) {
        refresh(caller, &chain.tokens.refresh).await;
        introspect(caller, &chain.tokens.access).await;
    }
    let keys = caller.keys().await?;
    let known = caller.world.access_tokens();
    for access in caller.seeded.sample(&known, most) {
        if !keys.iter().any(|key| signed(&access, key)) {
            caller.world.journal.push(Event::Forged { access: access.clone() });
        }
        introspect(caller, &access).await;
    }
    Ok(())
}

/// Nobody else has them meanwhile.
fn take_parked(caller: &mut Caller, most: usize) -> Vec<Chain> {
    let mut parked = lock(&caller.world.parked);
    let mut taken = Vec::new();
    while taken.len() < most {
        let Some(place) = caller.seeded.index(parked.len()) else { break };
        taken.push(parked.swap_remove(place));
    }
    taken
}

/// Whether this key signed it.
pub(crate) fn signed(access: &str, key: &Jwk) -> bool {
    ES256.verifier_from_jwk(key).is_ok_and(|verifier| jws::deserialize_compact(access, &verifier).is_ok())
}

/// Everything that is wrong up to now, in what clients were told and in the rows.
pub(crate) async fn everything(site: &Site) -> Result<Vec<Violation>> {
    let before = site.world.journal.len();
    let snapshot = site.database.snapshot().await?;
    let entries = site.world.journal.entries();
    let mut found = checker::check(&entries);
    found.extend(rows::check(&entries, before, &snapshot));
    found.extend(site.database.complaints().await?.into_iter().map(|said| Violation::new(Kind::Rows, said)));
    for server in &site.servers {
        found.extend(server.panics().into_iter().map(|line| Violation::new(Kind::Strange, line)));
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// That a theft would still be noticed: the first token of each chain is presented, long after its grace. It must be refused,
/// and the chain must end. How many were tried.
pub(crate) async fn thefts(caller: &mut Caller, most: usize) -> usize {
    let stolen = take_parked(caller, most);
    let used: Vec<&Chain> = stolen.iter().filter(|chain| chain.first != chain.tokens.refresh).collect();
    for chain in &used {
        let token = chain.tokens.refresh.clone();
        caller.world.journal.push(Event::EndAsked { token: token.clone() });
        let outcome = match refresh(caller, &chain.first).await {
            None => Event::Ended { token },
            Some(_) => Event::Strange { what: "a used refresh token was accepted long after its grace".to_owned() },
        };
        caller.world.journal.push(outcome);
        refresh(caller, &chain.tokens.refresh).await;
    }
    used.len()
}
