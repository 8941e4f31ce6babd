//! What the pages say: one file per group of pages, with all languages.

pub mod account_pages;
pub mod password;
pub mod second_factor;
pub mod security;
