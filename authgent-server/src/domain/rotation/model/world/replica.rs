//! What a replica does: the atomic steps of a request, each with what it must not do.

use super::{
    Bounds, CLOCKS, FOR_EVER, GRACE, LATEST, LIVE, Property, REVOKED, Request, Row, Rules, SKEW, Stage, Use, World,
};
use crate::domain::rotation::Decision;
use authgent_core::time::Timestamp;

impl World {
    pub(super) fn step(&mut self, index: usize, rules: &Rules, bounds: &Bounds) -> Result<(), Property> {
        let Some(mut request) = self.requests[index] else { return Ok(()) };
        request.stage = match request.stage {
            Stage::Read | Stage::ReadAgain => self.decide(request, rules)?,
            Stage::Rotate => self.rotate(request, rules, bounds)?,
            Stage::Follow(name) => match self.read(name) {
                None => Stage::Answer(Some((name, true))),
                Some(row) => match (rules.follow)(&row) {
                    Some(nonce) => Stage::Follow(nonce[0]),
                    None if self.is_used(name) && !self.thief_came => return Err(Property::RetryRecovers),
                    None => Stage::Answer(Some((name, !self.is_used(name)))),
                },
            },
            Stage::Revoke => {
                if !self.thief_came && !self.revoked {
                    return Err(Property::HonestGoesOn);
                }
                self.revoked = true;
                self.refused(request)?
            }
            Stage::Answer(_) => return Ok(()),
        };
        self.requests[index] = Some(request);
        Ok(())
    }

    fn decide(&self, request: Request, rules: &Rules) -> Result<Stage, Property> {
        let grant = if self.revoked { &*REVOKED } else { &*LIVE };
        let local = Timestamp((request.came + CLOCKS[usize::from(request.replica)]).into());
        let decided = match self.read(request.token) {
            Some(row) => (rules.decide)(&row, grant, "client", local, GRACE),
            // The newest token has its row: clean-up leaves it to the end of the grant, which is not modelled.
            None => (rules.decide_without_row)(grant, "client", true),
        };
        match decided {
            Decision::Rotate if request.stage == Stage::ReadAgain => self.refused(request),
            Decision::Rotate => Ok(Stage::Rotate),
            Decision::SameSuccessor { nonce } => {
                if self.since_use(request).is_some_and(|since| since > LATEST) {
                    return Err(Property::TheftIsNoticed);
                }
                if request.after_revocation || self.over(request, LATEST) {
                    return Err(Property::EndIsTheEnd);
                }
                Ok(Stage::Follow(nonce[0]))
            }
            Decision::Reused => Ok(Stage::Revoke),
            Decision::OtherClient | Decision::GrantRevoked | Decision::Expired | Decision::ClockWrong => {
                self.refused(request)
            }
        }
    }

    /// How long after its first use the token came, where it was used.
    fn since_use(&self, request: Request) -> Option<i8> {
        let used = self.rows[usize::from(request.token)]?.used?;
        Some(request.came - used.came)
    }

    /// Whether the token came later than `tolerance` seconds after its end.
    fn over(&self, request: Request, tolerance: i8) -> bool {
        self.rows[usize::from(request.token)]
            .is_some_and(|row| request.came >= row.expires_at.saturating_add(tolerance))
    }

    /// The conditional `UPDATE` and the `INSERT`, committed.
    fn rotate(&mut self, request: Request, rules: &Rules, bounds: &Bounds) -> Result<Stage, Property> {
        let made = self.rows.iter().flatten().count();
        let Some(row) = self.rows[usize::from(request.token)].as_mut() else { return Ok(Stage::ReadAgain) };
        if row.deleted || (rules.conditional && row.used.is_some()) {
            return Ok(Stage::ReadAgain);
        }
        let local = request.came + CLOCKS[usize::from(request.replica)];
        row.used = Some(Use { at: local, came: request.came, successor: made as u8 });
        let expires_at = if bounds.life == FOR_EVER { FOR_EVER } else { local + bounds.life };
        self.rows[made] = Some(Row { parent: request.token, expires_at, used: None, deleted: false });
        if request.after_revocation || self.over(request, SKEW) {
            return Err(Property::EndIsTheEnd);
        }
        Ok(Stage::Answer(Some((made as u8, true))))
    }

    /// A refusal, where it may be one.
    fn refused(&self, request: Request) -> Result<Stage, Property> {
        let since_use = self.since_use(request);
        if since_use.is_some_and(|since| since > LATEST) && !self.revoked {
            return Err(Property::TheftIsNoticed);
        }
        let unused_and_over = since_use.is_none() && self.over(request, -SKEW);
        if !request.of_thief && !self.thief_came && !self.revoked_outside && !unused_and_over {
            return Err(Property::HonestGoesOn);
        }
        Ok(Stage::Answer(None))
    }
}
