//! The path as a whole: the real stack with a real trail, in front of an upstream that is a function.

mod answers;
mod checked;
mod decided;
mod ended;
mod eras;
mod facts;
mod forwarded;
mod in_url;
mod limited;
mod lists;
mod local;
mod protocol;
mod redacted;
mod schema;
mod secrets;
mod shapes;
mod shed;
mod site;
mod stopped;
mod strangers;
mod tokens;
mod unread;
