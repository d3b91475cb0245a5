//! The pieces of a DER text, one after the other. Source: ITU-T X.690, 8.1 and 10.1.

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const OBJECT: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
/// The first of the tags that a structure gives itself; what it holds is written whole within.
pub(super) const FIRST: u8 = 0xA0;
/// The same, which takes the place of the tag within.
pub(super) const FIRST_IN_PLACE: u8 = 0x80;

/// What is left to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next piece: its tag, and what it holds. Of lengths that are told at the end nothing is read.
    pub(super) fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match *first {
            short @ 0..=0x7F => (usize::from(short), rest),
            long @ 0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7F))?;
                (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }

    /// What the next piece holds, which has to have this tag.
    pub(super) fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }

    /// The pieces of the next one, which has to have this tag.
    pub(super) fn enter(&mut self, tag: u8) -> Option<Self> {
        self.take(tag).map(Self)
    }

    /// A small whole number.
    pub(super) fn number(&mut self) -> Option<u32> {
        let digits = self.take(INTEGER)?;
        let is_small = digits.len() <= 5 && digits.first().is_some_and(|first| *first < 0x80);
        let number = digits.iter().fold(0_u64, |number, digit| number << 8 | u64::from(*digit));
        u32::try_from(number).ok().filter(|_| is_small)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
