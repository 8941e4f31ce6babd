//! Removing what has expired, in small batches, so that nobody waits for it.

use crate::service::Services;
use crate::store::StoreError;
use std::sync::Arc;
use std::time::Duration;

/// Rows per transaction.
const BATCH: u64 = 500;
/// Between two rounds.
const INTERVAL: Duration = Duration::from_secs(300);
/// Between two batches of one round: writers queue, so others go first.
const PAUSE: Duration = Duration::from_millis(50);

/// Removes expired rows every five minutes, for as long as it is polled.
pub async fn run(services: Arc<Services>) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        match round(&services).await {
            Ok(0) => {}
            Ok(removed) => tracing::debug!(removed, "expired rows removed"),
            Err(error) => tracing::warn!(error = %error, "clean-up failed, and is tried again"),
        }
    }
}

/// Removes all that has expired by now. A part that fails keeps none of the others from being done.
///
/// # Errors
/// [`StoreError`], the first one, where the database does not answer or refuses.
pub async fn round(services: &Services) -> Result<u64, StoreError> {
    let clients = clients(services).await;
    let expired = expired(services).await;
    Ok(clients? + expired?)
}

async fn expired(services: &Services) -> Result<u64, StoreError> {
    let mut removed = 0;
    loop {
        let tx = services.store.begin().await?;
        let batch = tx.delete_expired(services.now(), BATCH).await?;
        tx.commit().await?;
        removed += batch;
        if batch < BATCH {
            return Ok(removed);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Removes the clients that came by themselves and that nobody uses.
async fn clients(services: &Services) -> Result<u64, StoreError> {
    let policy = &services.settings.registration;
    let mut removed = 0;
    // Of what this replica knows, nothing is missing when it is decided by.
    services.write_uses().await?;
    loop {
        let tx = services.store.begin().await?;
        let swept = tx.sweep_clients(services.now(), BATCH, policy.unfinished_ttl, policy.unused_ttl).await?;
        tx.commit().await?;
        removed += swept.removed;
        if swept.removed + swept.put_off < BATCH {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    if removed > 0 {
        tracing::info!(removed, "clients that nobody uses removed");
    }
    Ok(removed)
}
