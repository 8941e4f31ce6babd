//! The client that a `client_id` names: one that is registered here, or one that publishes a document.

use crate::domain::Client;
use crate::service::Services;
use crate::service::client_documents::{self, DocumentError};
use crate::service::memory::View;
use crate::store::StoreError;
use authgent_core::metadata::client_document::ClientIdUrl;
use std::sync::Arc;

/// Why it is not known whether there is such a client, or why it must not be believed.
#[derive(Debug, thiserror::Error)]
pub enum FindClientError {
    /// Its `client_id` is the URL of a document that cannot be used.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The client with this identifier, enabled or not.
///
/// # Errors
/// [`FindClientError`].
pub async fn find(services: &Services, client_id: &str) -> Result<Option<Client>, FindClientError> {
    let client = find_in(services, services.view().await?, client_id).await?;
    Ok(client.map(Arc::unwrap_or_clone))
}

/// As [`find`], in a state that is known.
///
/// # Errors
/// [`FindClientError`].
pub async fn find_in(services: &Services, view: View, client_id: &str) -> Result<Option<Arc<Client>>, FindClientError> {
    if ClientIdUrl::is_meant(client_id) {
        client_documents::find(services, view, client_id).await
    } else {
        Ok(services.client(view, client_id).await?)
    }
}
