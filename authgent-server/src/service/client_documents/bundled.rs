//! Copies of well-known client metadata documents. Each is what the client published when this release was made, and stands
//! in only where the original cannot be fetched.

use authgent_core::metadata::client::ClientMetadata;
use authgent_core::metadata::client_document::{ClientIdUrl, parse_client_document};

/// URL and document.
const DOCUMENTS: &[(&str, &str)] = &[
    ("https://chatgpt.com/oauth/client.json", include_str!("bundled/chatgpt.com-chatgpt.json")),
    ("https://chatgpt.com/oauth/codex/client.json", include_str!("bundled/chatgpt.com-codex.json")),
    ("https://claude.ai/oauth/claude-code-client-metadata", include_str!("bundled/claude.ai-claude-code.json")),
    ("https://claude.ai/oauth/mcp-oauth-client-metadata", include_str!("bundled/claude.ai-mcp-oauth.json")),
    ("https://opencode.ai/oauth/opencode/client.json", include_str!("bundled/opencode.ai-opencode.json")),
    ("https://vscode.dev/oauth/client-metadata.json", include_str!("bundled/vscode.dev-vscode.json")),
    ("https://zed.dev/oauth/client-metadata.json", include_str!("bundled/zed.dev-zed.json")),
];

/// The copy of the document at `id`.
pub(super) fn document(id: &ClientIdUrl) -> Option<ClientMetadata> {
    let (_, document) = DOCUMENTS.iter().find(|(url, _)| *url == id.as_str())?;
    parse_client_document(id, document.as_bytes()).ok()
}

/// All of them.
pub(super) fn documents() -> impl Iterator<Item = (ClientIdUrl, ClientMetadata)> {
    let ids = DOCUMENTS.iter().filter_map(|(url, _)| ClientIdUrl::parse(url).ok());
    ids.filter_map(|id| document(&id).map(|metadata| (id, metadata)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_copy_is_acceptable() {
        for (url, document) in DOCUMENTS {
            let id = ClientIdUrl::parse(url).unwrap();
            parse_client_document(&id, document.as_bytes()).unwrap_or_else(|error| panic!("{url}: {error}"));
        }
    }
}
