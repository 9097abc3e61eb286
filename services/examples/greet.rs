//! greet.rs - a service that has a conversation, in Rust. It answers each line; standard input and standard output are
//! the client. Build it with `rustc -O greet.rs`, and try it with no server at all: ./greet
//!
//! Standard output keeps a line until its end: hence flush() before each wait. Rust ignores SIGPIPE, so a client that
//! has gone is an error of write, which ends the loop.

use std::io::{self, BufRead, Read, Write};

const LINE_MAX: u64 = 1000; // a client decides how long its lines are: never without a bound

fn client() -> String {
    std::env::var("REMOTE_ADDR").unwrap_or_else(|_| "this machine".to_string())
}

fn answer(line: &[u8]) -> Vec<u8> {
    if let Some(name) = line.strip_prefix(b"hello ") {
        let mut text = b"Hello ".to_vec();
        text.extend_from_slice(&name[..name.len().min(100)]);
        text.extend_from_slice(format!(", you come from {}.", client()).as_bytes());
        return text;
    }
    match line {
        b"quit" => b"Bye.".to_vec(),
        _ => b"Say: hello NAME, or quit".to_vec(),
    }
}

fn main() -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut output = io::stdout().lock();

    loop {
        let mut line = Vec::new();
        if input.by_ref().take(LINE_MAX).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        while matches!(line.last(), Some(b'\n' | b'\r')) {
            line.pop();
        }
        output.write_all(&answer(&line))?;
        output.write_all(b"\r\n")?;
        output.flush()?;
        if line == b"quit" {
            eprintln!("somebody was polite"); // this goes to the log, not to the client
            return Ok(());
        }
    }
}
