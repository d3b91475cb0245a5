//! The text of one cell: how long it is, how many lines end in it, and which of its quotes are one.

/// Whether it has more characters `than` so many; `doubled` quotes are one each.
pub(super) fn is_longer(cell: &[u8], doubled: bool, than: usize) -> bool {
    let mut count = 0;
    let mut first_quote = false;
    for byte in cell {
        first_quote = doubled && *byte == b'"' && !first_quote;
        count += usize::from(byte & 0xc0 != 0x80 && !first_quote);
        if count > than {
            return true;
        }
    }
    false
}

/// How many lines end in a text.
pub(super) fn line_ends(text: &[u8]) -> u64 {
    let mut count = 0;
    let mut returned = false;
    for byte in text {
        count += u64::from(*byte == b'\r' || *byte == b'\n' && !returned);
        returned = *byte == b'\r';
    }
    count
}

/// Makes one quote of two that stand together; answers how long the text is then.
pub(super) fn undouble(text: &mut [u8]) -> usize {
    let (mut from, mut to) = (0, 0);
    while from < text.len() {
        text[to] = text[from];
        from += if text[from] == b'"' { 2 } else { 1 };
        to += 1;
    }
    to
}
