//! Time, and which states are one.

use super::{FOR_EVER, GRACE_SECONDS, LONG_AGO, Request, Stage, World};

impl World {
    /// A second passes.
    pub(super) fn pass(&mut self) {
        let older = |time: i8| (time - 1).max(LONG_AGO);
        for row in self.rows.iter_mut().flatten() {
            if row.expires_at != FOR_EVER {
                row.expires_at = older(row.expires_at);
            }
            if let Some(used) = row.used.as_mut().filter(|used| used.came > LONG_AGO) {
                (used.came, used.at) = (used.came - 1, used.at - 1);
            }
        }
        for request in self.requests.iter_mut().flatten() {
            request.came -= 1;
        }
        for first in self.sent.iter_mut().flatten() {
            *first = (*first - 1).max(-GRACE_SECONDS - 1);
        }
    }

    /// States that differ only in the order of what has none are one.
    pub(super) fn tidy(&mut self) {
        for request in &mut self.requests {
            let Some(Request { of_thief, waiting, stage: Stage::Answer(answer), .. }) = *request else { continue };
            // Nobody is there to hear it, or a thief, who loses nothing by hearing it at once.
            if of_thief || !waiting {
                *request = None;
            }
            if let (true, Some((token, _))) = (of_thief, answer) {
                self.stolen |= 1 << token;
            }
        }
        self.requests.sort_unstable();
        self.unanswered.sort_unstable();
    }

    /// The times of tokens that nobody will present any more make no difference.
    pub(super) fn forget(&mut self) {
        let mut presented = 1_u8 << self.latest;
        for token in self.unanswered.into_iter().flatten() {
            presented |= 1 << token;
        }
        for request in self.requests.iter().flatten() {
            presented |= 1 << request.token;
            if let Stage::Follow(token) | Stage::Answer(Some((token, _))) = request.stage {
                presented |= 1 << token;
            }
        }
        for (name, sent) in self.sent.iter_mut().enumerate() {
            if self.rows[name].is_some_and(|row| row.used.is_some()) && presented & (1 << name) == 0 {
                *sent = None;
            }
        }
        if self.thief_sends > 0 {
            presented |= if self.thief_came { self.stolen } else { u8::MAX };
        } else {
            self.stolen = 0;
        }
        for (name, row) in self.rows.iter_mut().enumerate() {
            if let Some(row) = row.as_mut().filter(|_| presented & (1 << name) == 0)
                && let Some(used) = row.used.as_mut()
            {
                (used.at, used.came, row.deleted) = (LONG_AGO, LONG_AGO, false);
                if row.expires_at != FOR_EVER {
                    row.expires_at = LONG_AGO;
                }
            }
        }
    }
}
