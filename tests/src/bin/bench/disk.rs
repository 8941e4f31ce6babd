//! A slower disk than this machine has: whatever waits for the disk, here and in every program that is measured, waits so much longer.

use anyhow::Result;
use authgent_tests::preload::library;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, ExitStatus};
use std::time::Duration;

/// What is loaded before the C library, and tells how long.
pub(crate) const VARIABLES: [&str; 2] = ["LD_PRELOAD", "BENCH_DISK_MICROSECONDS"];

const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_longer(void) {
    const char *microseconds = getenv("BENCH_DISK_MICROSECONDS");
    if (microseconds) usleep(atoi(microseconds));
}

int fdatasync(int file) {
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    wait_longer();
    return next(file);
}

int fsync(int file) {
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    wait_longer();
    return next(file);
}
"#;

/// How much longer it takes, where this process was started by [`run_slowly`].
pub(crate) fn slower() -> Option<Duration> {
    Some(Duration::from_micros(std::env::var(VARIABLES[1]).ok()?.parse().ok()?))
}

/// Starts this program once more, with the same arguments, where the disk is so much slower.
pub(crate) fn run_slowly(microseconds: u32) -> Result<ExitStatus> {
    let directory = tempfile::tempdir()?;
    // PostgreSQL runs as somebody else.
    std::fs::set_permissions(&directory, Permissions::from_mode(0o755))?;
    let library = library("disk", SOURCE, directory.path())?;
    let values = [library.into_os_string(), microseconds.to_string().into()];
    let mut again = Command::new(std::env::current_exe()?);
    Ok(again.args(std::env::args_os().skip(1)).envs(VARIABLES.into_iter().zip(values)).status()?)
}
