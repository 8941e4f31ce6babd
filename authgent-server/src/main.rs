//! The `authgent` binary: everything is in the library, in [`authgent_server::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    authgent_server::cli::main()
}
