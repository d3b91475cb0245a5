//! The answers that a switch can have, each with the word for it; the first is the default, and the stricter one.

/// A switch that has a few answers.
pub(super) trait Answers: Sized + Copy + 'static {
    /// The words of the answers.
    const ALL: &'static [(&'static str, Self)];
}

/// Declares the answers of one switch.
macro_rules! answers {
    ($(#[$about:meta])* $name:ident: $(#[$first_about:meta])* $first:ident = $first_word:literal
     $(, $(#[$next_about:meta])* $next:ident = $next_word:literal)+ $(,)?) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub enum $name {
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

answers! {
    /// Whether something is taken.
    Reception:
    /// It is refused.
    Refused = "refused",
    /// It is taken.
    Accepted = "accepted",
}

answers! {
    /// Whether letters in upper and lower case are the same to a filter.
    Case:
    /// They are not.
    Sensitive = "sensitive",
    /// They are.
    Insensitive = "insensitive",
}
