//! What a person sees and changes of their own account. Everything is found by the person who is signed in: an identifier in a
//! form names something of theirs or nothing.

pub mod applications;
pub mod data;
pub mod profile;
pub mod sessions;
