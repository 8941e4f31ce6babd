//! The pages that people see: sign-in, consent, errors, and what stands at the issuer itself.
//!
//! Each page is a struct of plain strings, booleans and lists; a handler fills it and calls
//! [`render`](askama::Template::render) (bring [`Template`] into scope). The struct's template in
//! `templates/` holds no text: what a page says is in [`texts`], in every language. Three rules keep the pages safe:
//!
//! * askama escapes every value; no template uses its `safe` filter.
//! * What strangers chose, above all a client's name, passes [`display`] in the template, so that
//!   invisible and direction-changing characters cannot make one name look like another.
//! * No inline style, script or event handler stands in any page, so that [`csp`] can forbid them all.
//!   The tests of this module scan every page for that.
//!
//! The look comes from one style sheet, served by [`assets`] below a path that changes with its content.

pub mod accent;
pub mod account;
pub mod assets;
pub mod csp;
pub mod display;
pub mod samples;
pub mod texts;

mod consent;
mod error;
mod home;
mod layout;
mod notice;
mod password;
pub mod qr;
mod second_factor;
mod security;
mod sign_in;
#[cfg(test)]
mod tests;

pub use askama::Template;

pub use self::consent::{ConsentPage, Imitation, ScopeRow, Standing};
pub use self::error::{Detail, ErrorPage, Problem};
pub use self::home::{HomePage, Link};
pub use self::layout::Layout;
pub use self::notice::{ConnectedPage, SignOutPage, SignedOutPage};
pub use self::password::{ChoosePasswordPage, Choosing, ForgotPage, PasswordNoticePage};
pub use self::second_factor::{PasskeyButton, SecondFactorPage};
pub use self::security::{IdentityRow, MethodsSection, PasskeyRow, RecoveryCodesPage, SecurityPage, TotpPage};
pub use self::sign_in::{ProviderButton, SignInPage};
