//! A command that is run to its end, or ended with all that it has begun.

use std::io::{Error, ErrorKind, Read};
use std::process::{Child, Command};
use std::time::Duration;

use serde::de::IgnoredAny;
#[cfg(unix)]
use tokio::sync::oneshot;
use tokio::sync::watch;

use super::super::exchange::ANSWER_LIMIT;
use crate::clock::Clock;

/// How long a command's words are waited for when it has ended and what it has left behind holds its pipes open.
const LINGER: Duration = Duration::from_secs(1);

/// What a command has come to.
pub(super) struct Ran {
    pub(super) succeeded: bool,
    pub(super) out: Vec<u8>,
    pub(super) said: Vec<u8>,
}

/// How it has ended.
pub(super) enum Ended {
    /// By itself.
    Itself(Ran),
    /// It was not begun.
    Unstarted(Error),
    /// It was ended, since patience had.
    Late,
}

/// What a pipe has brought so far.
#[derive(Debug, Default)]
struct Brought {
    bytes: Vec<u8>,
    /// There is no more of it.
    is_all: bool,
}

/// A command that goes on; with this it ends, and so does whatever it has begun.
struct Running(Child);

impl Running {
    fn begin(command: &mut Command) -> Result<Self, Error> {
        // A group of its own, which can be ended whole; an interrupt at the terminal reaches it through us.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        command.spawn().map(Self)
    }

    #[cfg(unix)]
    fn end_all(&mut self) {
        // Nobody has waited for it yet, so that its number is still its own.
        let group = rustix::process::Pid::from_child(&self.0);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }

    #[cfg(not(unix))]
    fn end_all(&mut self) {
        let number = self.0.id().to_string();
        let mut end = Command::new("taskkill");
        end.args(["/T", "/F", "/PID", &number]).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let _ = end.status();
        let _ = self.0.kill();
    }

    /// Waits for its end alone, where that can be told from the end of what it prints.
    #[cfg(unix)]
    fn end(&self) -> oneshot::Receiver<()> {
        use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
        let (sender, ended) = oneshot::channel();
        let number = Pid::from_child(&self.0);
        std::thread::spawn(move || {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while waitid(WaitId::Pid(number), options).is_err_and(|error| error == rustix::io::Errno::INTR) {}
            let _ = sender.send(());
        });
        ended
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.end_all();
            let _ = self.0.wait();
        }
    }
}

/// Runs it to its end, or until `patience` has ended. Its threads wait for its output alone.
pub(super) async fn run(clock: &Clock, mut command: Command, patience: Duration) -> Ended {
    let mut running = match Running::begin(&mut command) {
        Ok(running) => running,
        Err(error) => return Ended::Unstarted(error),
    };
    let (mut out, mut said) = (gather(running.0.stdout.take()), gather(running.0.stderr.take()));
    let _exchange = clock.exchange();
    let ran = async {
        #[cfg(unix)]
        let _ = running.end().await;
        #[cfg(not(unix))]
        let _ = (all_of(&mut out).await, all_of(&mut said).await);
        let succeeded = running.0.wait()?.success();
        let words = async {
            let _ = out.wait_for(|brought| brought.is_all || succeeded && is_json(&brought.bytes)).await;
            if !succeeded || !is_json(&out.borrow().bytes) {
                all_of(&mut said).await;
            }
        };
        tokio::select! {
            () = words => {}
            () = clock.deadline(clock.now() + LINGER) => {}
        }
        Ok(Ran { succeeded, out: out.borrow().bytes.clone(), said: said.borrow().bytes.clone() })
    };
    tokio::select! {
        ran = ran => ran.map_or_else(Ended::Unstarted, Ended::Itself),
        () = clock.deadline(clock.now() + patience) => Ended::Late,
    }
}

async fn all_of(pipe: &mut watch::Receiver<Brought>) {
    let _ = pipe.wait_for(|brought| brought.is_all).await;
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

/// Reads a pipe to its end, on a thread of its own.
fn gather(pipe: Option<impl Read + Send + 'static>) -> watch::Receiver<Brought> {
    let (sender, receiver) = watch::channel(Brought::default());
    std::thread::spawn(move || {
        let mut piece = [0; 8_192];
        let mut pipe = pipe;
        while let Some(read) = pipe.as_mut().map(|pipe| pipe.read(&mut piece)) {
            match read {
                Ok(0) => break,
                // What was read so far says enough; whoever writes more is not disturbed in it.
                Ok(count) => sender.send_modify(|brought| {
                    let room = ANSWER_LIMIT.saturating_sub(brought.bytes.len());
                    brought.bytes.extend_from_slice(&piece[..count.min(room)]);
                }),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        sender.send_modify(|brought| brought.is_all = true);
    });
    receiver
}
