use super::Refusal;
use crate::domain::{Acr, Client, User};
use crate::service::Services;
use crate::service::id_token_hint::IdTokenHint;
use crate::service::parameters::Parameters;
use crate::service::sign_in::SignedIn;
use crate::store::StoreError;
use authgent_core::error::OAuthErrorCode;
use uuid::Uuid;

/// Who has to be signed in, and how surely: `id_token_hint` and `acr_values` (OpenID Connect Core, section 3.1.2.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SignInDemand {
    /// The person that the client expects.
    pub(super) person: Option<Uuid>,
    /// The weakest sign-in that will do.
    pub(super) acr: Option<Acr>,
}

pub(super) fn check_sign_in(
    services: &Services,
    client: &Client,
    parameters: &Parameters,
) -> Result<SignInDemand, Refusal> {
    let hint = parameters.get("id_token_hint").map(|hint| IdTokenHint::read_of(services, hint, &client.id));
    let hint = hint.transpose().map_err(|error| Refusal::new(OAuthErrorCode::InvalidRequest, error.to_string()))?;
    Ok(SignInDemand { person: hint.map(|hint| hint.user_id), acr: demanded_acr(client, parameters) })
}

/// How sure a sign-in has to be for a request, where it matters: `acr_values`, or else the client's `default_acr_values`.
#[must_use]
pub fn demanded_acr(client: &Client, parameters: &Parameters) -> Option<Acr> {
    match parameters.get("acr_values") {
        Some(values) => weakest(values.split(' ')),
        None => weakest(client.metadata.openid.default_acr_values.iter().map(String::as_str)),
    }
}

/// Any of the values will do. One that is not known here is no demand: a client may list those of several providers.
fn weakest<'a>(values: impl Iterator<Item = &'a str>) -> Option<Acr> {
    values.filter_map(Acr::parse).min()
}

impl SignInDemand {
    /// Whether this sign-in is what was asked for.
    pub(super) fn is_met_by(&self, signed_in: &SignedIn) -> bool {
        self.person.is_none_or(|person| person == signed_in.user.id)
            && self.acr.is_none_or(|acr| acr <= Acr::of(&signed_in.session.amr))
    }

    /// Whether signing in again is of no use: this person has no way to sign in that is sure enough (RFC 9470, section 5).
    pub(super) async fn is_beyond(&self, services: &Services, signed_in: &SignedIn) -> Result<bool, StoreError> {
        let is_expected = self.person.is_none_or(|person| person == signed_in.user.id);
        match self.acr.filter(|acr| is_expected && *acr > Acr::of(&signed_in.session.amr)) {
            Some(acr) => Ok(acr > surest(services, &signed_in.user).await?),
            None => Ok(false),
        }
    }
}

/// The surest way in which a person can sign in here.
async fn surest(services: &Services, user: &User) -> Result<Acr, StoreError> {
    if !services.store.passkeys_of_user(user.id).await?.is_empty() {
        return Ok(Acr::PhishingResistant);
    }
    let totp = services.store.totp(user.id).await?;
    let has_second_factor = totp.is_some_and(|totp| totp.confirmed_at.is_some());
    Ok(if has_second_factor { Acr::Multi } else { Acr::Single })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weakest_known_value_is_the_demand() {
        assert_eq!(weakest("phr urn:authgent:acr:multi".split(' ')), Some(Acr::Multi));
        assert_eq!(weakest("phrh phr".split(' ')), Some(Acr::PhishingResistant));
        assert_eq!(weakest("urn:mace:incommon:iap:silver".split(' ')), None);
        assert_eq!(weakest("".split(' ')), None);
    }
}
