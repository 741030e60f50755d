//! The World: the real handlers over `SQLite` in memory, the registry's suppliers and channels, a
//! supplier double and a clock moved by hand, on one thread, one message at a time. Every effect
//! goes through [`faults::Faults`], which can stop the world before it, after it, or lose its answer.
//! And AWS on this machine, for what needs it: [`emulator::Emulator`], with the tables of the
//! [`template`].

#![expect(
    clippy::unwrap_used,
    reason = "a harness is test code: a panic is its answer"
)]

pub mod contract;
pub mod emulator;
pub mod faults;
pub mod mail;
mod mutated;
pub mod opening;
pub mod sample;
pub mod slots;
pub mod stories;
pub mod template;
pub mod watch;
pub mod world;
