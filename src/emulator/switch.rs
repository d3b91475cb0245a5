//! Switches: open questions about a service, each with the answers that it can have. What the services have in common.

use std::time::Duration;

use crate::error::Error;

/// A switch that has a few answers.
pub(in crate::emulator) trait Answers: Sized + Copy + 'static {
    /// The words of the answers.
    const ALL: &'static [(&'static str, Self)];
}

/// Declares the answers of one switch.
macro_rules! answers {
    ($(#[$about:meta])* $seen:vis $name:ident: $(#[$first_about:meta])* $first:ident = $first_word:literal
     $(, $(#[$next_about:meta])* $next:ident = $next_word:literal)+ $(,)?) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        $seen enum $name {
            $(#[$first_about])*
            #[default]
            $first,
            $($(#[$next_about])* $next,)+
        }

        impl Answers for $name {
            const ALL: &'static [(&'static str, Self)] =
                &[($first_word, Self::$first), $(($next_word, Self::$next)),+];
        }
    };
}

pub(in crate::emulator) use answers;

answers! {
    /// Whether something is taken.
    pub Reception:
    /// It is refused.
    Refused = "refused",
    /// It is taken.
    Accepted = "accepted",
}

answers! {
    /// What becomes of what is stored.
    pub RowState:
    /// It is gone.
    Lost = "lost",
    /// It stays.
    Kept = "kept",
}

/// The error for a switch that there is not.
pub(in crate::emulator) fn unknown(switch: &str, switches: &[&'static str]) -> Error {
    let hint = format!("there are {}", listed(switches.iter().copied()));
    Error::configuration(format!("there is no assumption `{switch}`")).with_hint(hint)
}

/// The error for an answer that a switch does not have.
pub(in crate::emulator) fn no_answer(switch: &str, answer: &str, hint: String) -> Error {
    Error::configuration(format!("the assumption `{switch}` has no answer `{answer}`")).with_hint(hint)
}

/// Sets `switch`, or says what there is to choose from.
pub(in crate::emulator) fn choose<T: Answers>(switch: &mut T, answer: &str) -> Result<(), String> {
    let found = T::ALL.iter().find(|(word, _)| *word == answer);
    let hint = || format!("there are {}", listed(T::ALL.iter().map(|(word, _)| *word)));
    *switch = found.map(|(_, value)| *value).ok_or_else(hint)?;
    Ok(())
}

pub(in crate::emulator) fn count(answer: &str, least: usize) -> Result<usize, String> {
    let count = answer.parse().ok().filter(|count| *count >= least);
    count.ok_or_else(|| format!("it is a whole number from {least} on"))
}

pub(in crate::emulator) fn seconds(answer: &str) -> Result<Duration, String> {
    let seconds = answer.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "it is a number of seconds, not below 0".to_owned())
}

fn listed(words: impl IntoIterator<Item = &'static str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
