//! What an MCP request is about to do, read from its body and headers before the server sees it.
//!
//! The scope of a tool must be known before the tool's code runs, and must be refused at HTTP level, since only an HTTP
//! challenge makes clients step up. So whoever reads the message here must read it as the server will: a member that
//! stands twice, a body that is not JSON, or headers that say something else are refused.

use crate::rejection::MessageError;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

/// The headers of revision 2026-07-28 that repeat what the body says (SEP-2243): each value of each, in order.
#[derive(Debug, Clone, Default)]
pub struct MessageHeaders<'a> {
    /// The values of `Mcp-Method`.
    pub method: Vec<&'a [u8]>,
    /// The values of `Mcp-Name`.
    pub name: Vec<&'a [u8]>,
}

/// What a request is about to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Operation {
    /// The tools that it calls: several in a batch.
    pub tools: Vec<String>,
}

impl Operation {
    /// Reads the body of a request and compares the headers with it. An empty body calls nothing.
    ///
    /// # Errors
    /// [`MessageError`] where the body is no JSON-RPC message or batch, or the headers disagree with it.
    pub fn read(body: &[u8], headers: &MessageHeaders<'_>) -> Result<Self, MessageError> {
        let messages = if body.is_empty() { Vec::new() } else { parse(body)? };
        check_headers(&messages, headers)?;
        let mut tools = Vec::new();
        for message in &messages {
            if message.method.as_deref() == Some("tools/call") {
                tools.push(message.params.name.clone().ok_or(MessageError::NoToolName)?);
            }
        }
        Ok(Self { tools })
    }
}

fn parse(body: &[u8]) -> Result<Vec<Message>, MessageError> {
    match serde_json::from_slice::<Messages>(body) {
        Ok(Messages(messages)) if messages.is_empty() => Err(MessageError::NotAMessage("an empty batch")),
        Ok(Messages(messages)) => Ok(messages),
        Err(error) if error.is_data() => {
            Err(MessageError::NotAMessage("not a JSON-RPC message, or a member stands twice"))
        }
        Err(_) => Err(MessageError::NotJson),
    }
}

/// As the reference server does: each header at most once, its text equal to the body's.
fn check_headers(messages: &[Message], headers: &MessageHeaders<'_>) -> Result<(), MessageError> {
    let method = single(&headers.method, "Mcp-Method must stand once, as text")?;
    let name = single(&headers.name, "Mcp-Name must stand once, as text")?;
    if method.is_none() && name.is_none() {
        return Ok(());
    }
    let [message] = messages else {
        return Err(MessageError::HeaderMismatch("Mcp-Method and Mcp-Name stand for a single message"));
    };
    if method.is_some() && method != message.method.as_deref() {
        return Err(MessageError::HeaderMismatch("Mcp-Method does not match the method of the body"));
    }
    if let (Some(raw), Some(expected)) = (name, message.named()) {
        let name = decode(raw).ok_or(MessageError::HeaderMismatch("Mcp-Name is not valid Base64"))?;
        if name != expected {
            return Err(MessageError::HeaderMismatch("Mcp-Name does not match the name of the body"));
        }
    }
    Ok(())
}

fn single<'a>(values: &[&'a [u8]], problem: &'static str) -> Result<Option<&'a str>, MessageError> {
    match values {
        [] => Ok(None),
        [value] if value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) => {
            std::str::from_utf8(value).map(Some).map_err(|_| MessageError::HeaderMismatch(problem))
        }
        _ => Err(MessageError::HeaderMismatch(problem)),
    }
}

/// A value that cannot stand in a header is sent as `=?base64?…?=`.
fn decode(raw: &str) -> Option<String> {
    match raw.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        Some(encoded) => String::from_utf8(STANDARD.decode(encoded).ok()?).ok(),
        None => Some(raw.to_owned()),
    }
}

struct Messages(Vec<Message>);

#[derive(Default)]
struct Message {
    method: Option<String>,
    params: Params,
}

/// The members of `params` that `Mcp-Name` repeats for some method.
#[derive(Default)]
struct Params {
    name: Option<String>,
    uri: Option<String>,
    task_id: Option<String>,
}

impl Message {
    /// What `Mcp-Name` must say for this method.
    fn named(&self) -> Option<&str> {
        match self.method.as_deref()? {
            "tools/call" | "prompts/get" => self.params.name.as_deref(),
            "resources/read" | "resources/subscribe" | "resources/unsubscribe" => self.params.uri.as_deref(),
            "tasks/get" | "tasks/update" | "tasks/cancel" => self.params.task_id.as_deref(),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Messages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;
        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Messages;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON-RPC message or an array of them")
            }

            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Messages, A::Error> {
                Ok(Messages(vec![MessageVisitor.visit_map(entries)?]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Messages, A::Error> {
                let mut messages = Vec::new();
                while let Some(message) = items.next_element()? {
                    messages.push(message);
                }
                Ok(Messages(messages))
            }
        }
        deserializer.deserialize_any(OneOrMany)
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MessageVisitor)
    }
}

struct MessageVisitor;

impl<'de> Visitor<'de> for MessageVisitor {
    type Value = Message;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON-RPC message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Message, A::Error> {
        let mut seen = HashSet::new();
        let mut message = Message::default();
        while let Some(member) = entries.next_key::<String>()? {
            match member.as_str() {
                "method" => message.method = Some(entries.next_value()?),
                "params" => message.params = entries.next_value()?,
                _ => {
                    entries.next_value::<IgnoredAny>()?;
                }
            }
            once(&mut seen, member)?;
        }
        Ok(message)
    }
}

impl<'de> Deserialize<'de> for Params {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ParamsVisitor)
    }
}

struct ParamsVisitor;

impl<'de> Visitor<'de> for ParamsVisitor {
    type Value = Params;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, an array or null")
    }

    fn visit_unit<E>(self) -> Result<Params, E> {
        Ok(Params::default())
    }

    // Positional parameters are JSON-RPC, though no MCP method takes them: the server will refuse them.
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Params, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Params::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Params, A::Error> {
        let mut seen = HashSet::new();
        let mut params = Params::default();
        while let Some(member) = entries.next_key::<String>()? {
            match member.as_str() {
                "name" => params.name = entries.next_value::<MaybeText>()?.0,
                "uri" => params.uri = entries.next_value::<MaybeText>()?.0,
                "taskId" => params.task_id = entries.next_value::<MaybeText>()?.0,
                _ => {
                    entries.next_value::<IgnoredAny>()?;
                }
            }
            once(&mut seen, member)?;
        }
        Ok(params)
    }
}

fn once<E: serde::de::Error>(seen: &mut HashSet<String>, member: String) -> Result<(), E> {
    if seen.insert(member) { Ok(()) } else { Err(E::custom("a member stands twice")) }
}

/// The text, or nothing where the value is of another type.
struct MaybeText(Option<String>);

impl<'de> Deserialize<'de> for MaybeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer).map_err(D::Error::custom)? {
            serde_json::Value::String(text) => Ok(Self(Some(text))),
            _ => Ok(Self(None)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(body: &str) -> Result<Vec<String>, MessageError> {
        Operation::read(body.as_bytes(), &MessageHeaders::default()).map(|operation| operation.tools)
    }

    fn with_headers(body: &str, method: &[&str], name: &[&str]) -> Result<Vec<String>, MessageError> {
        let headers = MessageHeaders {
            method: method.iter().map(|text| text.as_bytes()).collect(),
            name: name.iter().map(|text| text.as_bytes()).collect(),
        };
        Operation::read(body.as_bytes(), &headers).map(|operation| operation.tools)
    }

    const CALL: &str =
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_project","arguments":{"name":"x"}}}"#;

    #[test]
    fn finds_the_tools() {
        assert_eq!(read(CALL).unwrap(), ["create_project"]);
        assert_eq!(read(&format!("[{CALL},{{\"method\":\"ping\",\"id\":2}},{CALL}]")).unwrap().len(), 2);
        assert_eq!(read(r#"{"params":{"name":"a"},"method":"tools/call"}"#).unwrap(), ["a"]);
        assert_eq!(read(r#"{"method":"tools\/call","params":{"n\u0061me":"a"}}"#).unwrap(), ["a"]);
        for none in
            ["", r#"{"method":"tools/list","id":1}"#, r#"{"id":1,"result":{}}"#, r#"{"method":"x","params":null}"#]
        {
            assert!(read(none).unwrap().is_empty(), "{none}");
        }
    }

    #[test]
    fn refuses_what_two_readers_could_read_differently() {
        for twice in [
            r#"{"method":"tools/list","method":"tools/call","params":{"name":"a"}}"#,
            r#"{"method":"tools/call","params":{"name":"a","name":"b"}}"#,
            r#"{"method":"tools/call","params":{"name":"a","n\u0061me":"b"}}"#,
            r#"{"method":"tools/call","params":{"name":"a"},"params":{"name":"b"}}"#,
            "[]",
            "[1]",
            "1",
            "\"tools/call\"",
            r#"{"method":1}"#,
            r#"{"method":"a","params":1}"#,
        ] {
            assert!(matches!(read(twice), Err(MessageError::NotAMessage(_))), "{twice}: {:?}", read(twice));
        }
        for broken in ["{", "tools/call", "\u{feff}{}", "{} {}"] {
            assert_eq!(read(broken), Err(MessageError::NotJson), "{broken}");
        }
        for nameless in [
            r#"{"method":"tools/call"}"#,
            r#"{"method":"tools/call","params":{"name":1}}"#,
            r#"{"method":"tools/call","params":["a"]}"#,
        ] {
            assert_eq!(read(nameless), Err(MessageError::NoToolName), "{nameless}");
        }
    }

    #[test]
    fn headers_must_agree() {
        assert!(with_headers(CALL, &["tools/call"], &["create_project"]).is_ok());
        assert!(with_headers(CALL, &["tools/call"], &["=?base64?Y3JlYXRlX3Byb2plY3Q=?="]).is_ok());
        assert!(with_headers(r#"{"method":"tools/list"}"#, &["tools/list"], &["ignored"]).is_ok());
        let mismatch = |method: &[&str], name: &[&str]| {
            assert!(
                matches!(with_headers(CALL, method, name), Err(MessageError::HeaderMismatch(_))),
                "{method:?} {name:?}"
            );
        };
        mismatch(&["tools/list"], &["create_project"]);
        mismatch(&["tools/call"], &["whoami"]);
        mismatch(&["tools/call", "tools/call"], &[]);
        mismatch(&[], &["create_project", "whoami"]);
        mismatch(&[], &["=?base64?!?="]);
        mismatch(&["tools/call\u{e9}"], &[]);
        let batch = format!("[{CALL},{CALL}]");
        assert!(matches!(with_headers(&batch, &["tools/call"], &[]), Err(MessageError::HeaderMismatch(_))));
        assert!(matches!(with_headers("", &["tools/call"], &[]), Err(MessageError::HeaderMismatch(_))));
    }

    proptest! {
        #[test]
        fn never_panics(body in proptest::collection::vec(any::<u8>(), 0..200), header in proptest::collection::vec(any::<u8>(), 0..40)) {
            let headers = MessageHeaders { method: vec![&header], name: vec![&header] };
            let _ = Operation::read(&body, &headers);
        }
    }
}
