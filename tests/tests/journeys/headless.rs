//! What `cargo demo --headless` does.

use authgent_tests::journey::{Narrator, Traveller, walk};
use authgent_tests::stack::{EMAIL, Ports, Stack};

#[derive(Default)]
struct Diary(Vec<String>, String);

impl Narrator for Diary {
    fn step(&mut self, title: &str) {
        self.0.push(title.to_owned());
    }

    fn detail(&mut self, text: &str) {
        self.1.push_str(text);
        self.1.push('\n');
    }
}

#[tokio::test]
async fn the_main_job_from_challenge_to_revocation() {
    let directory = tempfile::tempdir().unwrap();
    let stack = Stack::start(directory.path(), Ports { authgent: 0, mcp: 0 }).await.unwrap();
    let mut diary = Diary::default();
    let traveller = Traveller {
        mcp: stack.mcp,
        issuer: Some(stack.issuer),
        email: EMAIL.to_owned(),
        password: stack.password.clone(),
    };
    walk(traveller, &mut diary).await.unwrap();
    assert_eq!(diary.0.len(), 10, "{:?}", diary.0);
    assert!(!diary.1.contains(&stack.password) && !diary.1.contains("eyJ"), "the story holds no secret: {}", diary.1);
}
