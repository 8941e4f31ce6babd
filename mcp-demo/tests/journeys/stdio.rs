//! `mcp-demo --stdio`: JSON-RPC, a line each way, without a token.

use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(directory: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mcp-demo"))
            .arg("--stdio")
            .env("MCP_DB_DSN", format!("sqlite://{}", directory.join("local.db").display()))
            .env_remove("RUST_LOG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, stdin, stdout: BufReader::new(stdout).lines() }
    }

    async fn send(&mut self, message: Value) {
        self.stdin.write_all(format!("{message}\n").as_bytes()).await.unwrap();
        self.stdin.flush().await.unwrap();
    }

    async fn ask(&mut self, id: u32, method: &str, params: Value) -> Value {
        self.send(json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await;
        let line = tokio::time::timeout(Duration::from_secs(20), self.stdout.next_line()).await.unwrap();
        let answer: Value = serde_json::from_str(&line.unwrap().expect("an answer")).unwrap();
        assert_eq!(answer["id"], id, "{answer}");
        answer["result"].clone()
    }

    async fn initialize(&mut self) {
        let client = json!({ "name": "test", "version": "1" });
        let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client });
        assert_eq!(self.ask(0, "initialize", hello).await["serverInfo"]["name"], "mcp-demo");
        self.send(json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
    }

    async fn call(&mut self, id: u32, tool: &str, arguments: Value) -> Value {
        self.ask(id, "tools/call", json!({ "name": tool, "arguments": arguments })).await
    }
}

#[tokio::test]
async fn a_local_process_has_projects_of_the_local_user() {
    let directory = tempfile::tempdir().unwrap();
    let mut demo = Process::start(directory.path());
    demo.initialize().await;
    let identity = demo.call(1, "whoami", json!({})).await["structuredContent"].clone();
    assert_eq!(identity["user_id"], "local");
    assert_eq!(identity["scopes"], json!([]));
    assert_eq!(identity["issuer"], Value::Null);
    let made = demo.call(2, "create_project", json!({ "name": "Mine" })).await["structuredContent"].clone();
    let listed = demo.call(3, "list_projects", json!({})).await["structuredContent"].clone();
    assert_eq!(listed, json!({ "projects": [made] }));
    let unknown = json!({ "project_id": "01980f3e-7b1c-7c3a-9d2e-5f4a6b7c8d9e" });
    let refused = demo.call(4, "delete_project", unknown).await;
    assert_eq!(refused["isError"], true);
    assert_eq!(refused["content"][0]["text"], "no project of yours has the id 01980f3e-7b1c-7c3a-9d2e-5f4a6b7c8d9e");
    let deleted = demo.call(5, "delete_project", json!({ "project_id": made["id"] })).await;
    assert_eq!(deleted["structuredContent"]["deleted"], true);
}

#[tokio::test]
async fn the_process_ends_when_stdin_does_and_keeps_what_it_stored() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = Process::start(directory.path());
    first.initialize().await;
    first.call(1, "create_project", json!({ "name": "Kept" })).await;
    let Process { mut child, stdin, mut stdout } = first;
    drop(stdin);
    let status = tokio::time::timeout(Duration::from_secs(20), child.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
    assert_eq!(stdout.next_line().await.unwrap(), None, "nothing but the protocol is written to stdout");
    let mut complaints = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaints).await.unwrap();
    assert!(!complaints.contains("ERROR"), "{complaints}");

    let mut second = Process::start(directory.path());
    second.initialize().await;
    let listed = second.call(1, "list_projects", json!({})).await;
    assert_eq!(listed["structuredContent"]["projects"][0]["name"], "Kept");
}
