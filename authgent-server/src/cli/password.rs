//! Passwords from the keyboard or from standard input: never from the command line, which other users can see.

use super::Context;
use super::answer::Failure;
use crate::crypto::password::PasswordHasher;
use crate::crypto::password_policy::check_new_password;
use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use std::io::{BufRead, IsTerminal as _};

/// The longest line that is read, in bytes. Longer than any password that is accepted.
const LONGEST_LINE: u64 = 64 * 1024;

/// Where the password comes from.
#[derive(Debug, Args)]
pub(super) struct PasswordFrom {
    /// Read the password from standard input, its first line; otherwise it is asked for on the terminal.
    #[arg(long)]
    password_stdin: bool,
}

impl PasswordFrom {
    /// A new password that keeps the rules, hashed. `known` is what an attacker knows of the person.
    pub(super) async fn hash(&self, context: &Context, known: &[&str]) -> Result<String, Failure> {
        let password = if self.password_stdin {
            let mut stdin = context.stdin.lock().map_err(|_| Failure::new("standard input is gone"))?;
            first_line(&mut **stdin)?
        } else {
            ask()?
        };
        check_new_password(&password, known)?;
        Ok(PasswordHasher::new(1).hash(password).await?)
    }
}

fn first_line(input: &mut dyn BufRead) -> Result<SecretString, Failure> {
    let mut line = String::new();
    std::io::Read::take(input, LONGEST_LINE)
        .read_line(&mut line)
        .map_err(|error| Failure::new(format!("the password cannot be read from standard input: {error}")))?;
    Ok(line.strip_suffix('\n').map_or(&*line, |line| line.strip_suffix('\r').unwrap_or(line)).into())
}

fn ask() -> Result<SecretString, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new("there is no terminal to ask for the password at: pass it with --password-stdin"));
    }
    let ask = |prompt| rpassword::prompt_password(prompt).map(SecretString::from);
    let (password, again) = (ask("Password: ")?, ask("Once more: ")?);
    if password.expose_secret() == again.expose_secret() {
        Ok(password)
    } else {
        Err(Failure::new("the two passwords differ: nothing was changed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_without_its_end_is_the_password() {
        for (input, expected) in [
            ("secret\n", "secret"),
            ("secret\r\n", "secret"),
            ("secret", "secret"),
            (" two words \nsecond line\n", " two words "),
            ("", ""),
        ] {
            assert_eq!(first_line(&mut input.as_bytes()).unwrap().expose_secret(), expected);
        }
        assert!(first_line(&mut &b"\xff\n"[..]).is_err());
    }
}
