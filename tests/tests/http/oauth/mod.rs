mod authorize;
mod client_documents;
mod introspect;
mod register;
mod revoke;
mod token_authorization_code;
mod token_client_credentials;
mod token_refresh_token;
