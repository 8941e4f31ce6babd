//! What a replica does by itself beside the requests: looking whether what it remembers is still so, and making keys.

use crate::service::Services;
use std::sync::Arc;
use std::time::Duration;

/// How often the generation is looked at where no request does: what is served from memory is that old at most.
const LOOK: Duration = Duration::from_secs(1);
/// How many looks there are between two looks at the keys.
const KEYS: u32 = 30;

/// Keeps what is remembered up to date, for as long as it is polled.
pub async fn run(services: Arc<Services>) {
    let mut failing = false;
    for look in 0_u32.. {
        let failed = services.view().await.err();
        if let Some(error) = failed.as_ref().filter(|_| !failing) {
            tracing::warn!(error = %error, "the database does not answer: what is remembered may be out of date");
        }
        failing = failed.is_some();
        if look % KEYS == 0
            && !failing
            && let Err(error) = services.rotate_keys_when_due().await
        {
            tracing::error!(error = %error, "the signing keys could not be looked after");
        }
        tokio::time::sleep(LOOK).await;
    }
}
