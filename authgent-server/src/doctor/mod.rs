//! `authgent doctor`: walks the path of a client and says what it finds.
