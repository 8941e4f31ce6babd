//! What the server keeps and decides about, as plain data: every state that something can be in is a variant, and every
//! text that has rules is a type that only `parse` makes. No I/O, no database, no HTTP.
//!
//! | module | what |
//! |---|---|
//! | [`user`] | people and their e-mail addresses |
//! | [`authentication`] | how a person proved who they are |
//! | [`credential`] | passkeys, one-time codes, links: what people sign in with |
//! | [`identity`] | people as upstream providers know them |
//! | [`account_event`] | what happened to an account |
//! | [`client`] | applications that ask for tokens |
//! | [`look_alike`] | names that a person could take for one another |
//! | [`branding`] | what makes the pages the operator's own |
//! | [`patterns`] | hosts and redirect URIs as operators write them |
//! | [`registration`] | who may register a client |
//! | [`resource`] | protected servers, their scopes and aliases |
//! | [`identity_provider`] | upstream providers, and who may sign in by them |
//! | [`session`] | a person's signed-in browser |
//! | [`challenge`] | a step of a sign-in that is not finished |
//! | [`interaction`] | an authorization request that waits for a person's answer |
//! | [`consent`] | what a person once agreed to |
//! | [`grant`] | what one authorization gave, and whether it still holds |
//! | [`code`] | the authorization code that begins a grant |
//! | [`refresh_token`] | the chain of refresh tokens that continues it |
//! | [`rotation`] | what a presented refresh token is answered with |
//! | [`secret`] | the form in which secrets are kept |

pub mod account_event;
pub mod authentication;
pub mod branding;
pub mod challenge;
pub mod client;
pub mod code;
pub mod consent;
pub mod credential;
pub mod grant;
pub mod identity;
pub mod identity_provider;
pub mod interaction;
pub mod look_alike;
pub mod patterns;
pub mod refresh_token;
pub mod registration;
pub mod resource;
pub mod rotation;
pub mod secret;
pub mod session;
pub mod signing_key;
pub mod user;

pub use account_event::{AccountEvent, Device, EventKind};
pub use authentication::{Acr, Amr};
pub use branding::{Branding, Logo, LogoKind};
pub use challenge::{Challenge, ChallengeKind};
pub use client::{Client, ClientOrigin, ConsentMode};
pub use code::AuthorizationCode;
pub use consent::Consent;
pub use credential::{LinkPurpose, OneTimeLink, Passkey, SignInFailures, Totp};
pub use grant::{Grant, GrantState, RevocationReason};
pub use identity::{GroupScope, Identity};
pub use identity_provider::{
    IdentityProvider, ProviderKind, RuleBroken, SignInRules, UpstreamAuthentication, UpstreamPerson,
};
pub use interaction::{AuthorizationRequest, Interaction, InteractionState};
pub use refresh_token::{RefreshToken, RefreshTokenState};
pub use resource::{DEFAULT_PROFILE_CLAIMS, Resource, ResourceScope, ResourceSource};
pub use secret::TokenHash;
pub use session::{Session, UpstreamSession};
pub use signing_key::{KeyOrigin, KeySchedule, KeyState, RotationPolicy, StoredKey};
pub use user::{Email, EmailError, User};
