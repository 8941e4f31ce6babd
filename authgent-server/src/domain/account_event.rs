//! What happened to an account, for the person to read.

use authgent_core::time::Timestamp;
use uuid::Uuid;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// The account was made.
    AccountCreated,
    /// An invitation was accepted.
    InvitationAccepted,
    /// A sign-in.
    SignedIn,
    /// A sign-out.
    SignedOut,
    /// A right password, and then no right second factor.
    SecondFactorFailed,
    /// Wrong passwords, so many that further tries were put off.
    SignInBlocked,
    /// A session was ended from another one, by the operator or by the upstream provider.
    SessionEnded,
    /// The person chose another password.
    PasswordChanged,
    /// A password was chosen by a one-time link, or by the operator.
    PasswordReset,
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey was removed.
    PasskeyRemoved,
    /// An authenticator app was added.
    TotpEnabled,
    /// The authenticator app was removed.
    TotpDisabled,
    /// New recovery codes were made.
    RecoveryCodesMade,
    /// A recovery code was used.
    RecoveryCodeUsed,
    /// An upstream provider was linked.
    IdentityLinked,
    /// An upstream provider was unlinked.
    IdentityUnlinked,
    /// The name or the e-mail address changed.
    ProfileChanged,
    /// An application was allowed something.
    ConsentGiven,
    /// What an application was allowed was taken back.
    ConsentWithdrawn,
    /// The data of the account were exported.
    DataExported,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 21] = [
        Self::AccountCreated,
        Self::InvitationAccepted,
        Self::SignedIn,
        Self::SignedOut,
        Self::SecondFactorFailed,
        Self::SignInBlocked,
        Self::SessionEnded,
        Self::PasswordChanged,
        Self::PasswordReset,
        Self::PasskeyAdded,
        Self::PasskeyRemoved,
        Self::TotpEnabled,
        Self::TotpDisabled,
        Self::RecoveryCodesMade,
        Self::RecoveryCodeUsed,
        Self::IdentityLinked,
        Self::IdentityUnlinked,
        Self::ProfileChanged,
        Self::ConsentGiven,
        Self::ConsentWithdrawn,
        Self::DataExported,
    ];

    /// Its name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccountCreated => "account_created",
            Self::InvitationAccepted => "invitation_accepted",
            Self::SignedIn => "signed_in",
            Self::SignedOut => "signed_out",
            Self::SecondFactorFailed => "second_factor_failed",
            Self::SignInBlocked => "sign_in_blocked",
            Self::SessionEnded => "session_ended",
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset => "password_reset",
            Self::PasskeyAdded => "passkey_added",
            Self::PasskeyRemoved => "passkey_removed",
            Self::TotpEnabled => "totp_enabled",
            Self::TotpDisabled => "totp_disabled",
            Self::RecoveryCodesMade => "recovery_codes_made",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::IdentityLinked => "identity_linked",
            Self::IdentityUnlinked => "identity_unlinked",
            Self::ProfileChanged => "profile_changed",
            Self::ConsentGiven => "consent_given",
            Self::ConsentWithdrawn => "consent_withdrawn",
            Self::DataExported => "data_exported",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// From where somebody came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// The address of the connection, or what a trusted proxy said it is.
    pub address: Option<String>,
    /// The browser's `User-Agent`, cut at [`Device::LONGEST_USER_AGENT`] characters.
    pub user_agent: Option<String>,
}

impl Device {
    /// How much is kept of a `User-Agent`, in characters.
    pub const LONGEST_USER_AGENT: usize = 300;
}

/// Something that happened to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountEvent {
    /// A UUID of version 7, so that events sort by time.
    pub id: Uuid,
    /// Whose account.
    pub user_id: Uuid,
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
    /// From where; empty where it was not a browser.
    pub device: Device,
    /// What else the sentence needs: `client_name`, `resource`, `name`. Never a secret.
    pub detail: serde_json::Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(EventKind::parse("x"), None);
    }
}
