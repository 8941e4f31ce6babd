//! The guide for developers shows code that exists.

const GUIDE: &str = include_str!("../../../docs/guides/rmcp.md");
const EXAMPLE: &str = include_str!("../../examples/notes.rs");

#[test]
fn every_piece_of_code_in_the_guide_stands_in_the_example() {
    let mut pieces = 0;
    for block in GUIDE.split("```rust\n").skip(1) {
        let code = block.split("```").next().unwrap().trim_end();
        assert!(EXAMPLE.contains(code), "not in examples/notes.rs:\n{code}");
        pieces += 1;
    }
    assert_eq!(pieces, 5);
}
