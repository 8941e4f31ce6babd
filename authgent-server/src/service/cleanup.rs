//! Removing what has expired, in small batches, so that nobody waits for it.

use crate::service::Services;
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

/// Removes all that has expired by now.
///
/// # Errors
/// [`crate::store::StoreError`] where the database does not answer.
pub async fn round(services: &Services) -> Result<u64, crate::store::StoreError> {
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
