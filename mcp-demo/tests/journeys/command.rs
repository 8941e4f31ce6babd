//! The binary: what it prints, and how it exits.

use std::net::TcpListener;
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::process::Command;

fn mcp_demo(settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-demo"));
    let ours = std::env::vars().map(|(name, _)| name);
    for name in ours.filter(|name| name.starts_with("MCP_") || name.starts_with("AUTHGENT_") || name == "RUST_LOG") {
        command.env_remove(name);
    }
    command.envs(settings.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
    command
}

async fn output(mut command: Command) -> Output {
    tokio::time::timeout(Duration::from_secs(20), command.output()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_start_that_cannot_succeed_is_one_sentence_and_a_failure() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (settings, expected) in [
        (vec![("AUTHGENT_ISSUER", "http://localhost:8080/")], "AUTHGENT_ISSUER (--issuer): "),
        (vec![("MCP_AUDIENCE", "mcp.example.com")], "MCP_AUDIENCE (--audience): "),
        (vec![("MCP_DB_DSN", "sqlite:///no/such/directory/demo.db"), ("MCP_PORT", "0")], "/no/such/directory"),
        (
            vec![("MCP_HOST", "127.0.0.1"), ("MCP_PORT", &port), ("MCP_DB_DSN", "sqlite::memory:")],
            "cannot listen at 127.0.0.1:",
        ),
        (vec![("RUST_LOG", "x=y=z")], "RUST_LOG cannot be read"),
    ] {
        let output = output(mcp_demo(&settings)).await;
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{settings:?}");
        assert!(complaint.starts_with("mcp-demo: ") && complaint.contains(expected), "{settings:?}: {complaint}");
        assert_eq!(complaint.trim_end().lines().count(), 1, "{complaint}");
    }
}

#[tokio::test]
async fn health_is_told_by_the_exit_status() {
    let port = {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port().to_string()
    };
    let settings = [("MCP_PORT", port.as_str()), ("MCP_DB_DSN", "sqlite::memory:")];
    let check = || async {
        let mut command = mcp_demo(&settings);
        command.arg("--health");
        output(command).await
    };
    let before = check().await;
    assert_eq!(before.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&before.stderr).contains("nothing answers at 127.0.0.1:"));

    let mut server = mcp_demo(&settings).stdout(Stdio::null()).spawn().unwrap();
    let mut healthy = false;
    for _ in 0..100 {
        healthy = check().await.status.success();
        if healthy {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(healthy, "the server does not come up");

    #[cfg(unix)]
    {
        let process = server.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").arg(process).status().unwrap().success());
        let status = tokio::time::timeout(Duration::from_secs(10), server.wait()).await.unwrap().unwrap();
        assert_eq!(status.code(), Some(0), "SIGTERM is an orderly end");
    }
    server.kill().await.ok();
}
