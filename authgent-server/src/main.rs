//! The `authgent` binary: everything is in the library, in [`authgent_server::cli`].

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// See "What keeps it fast" in docs/performance.md.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    authgent_server::cli::main()
}
