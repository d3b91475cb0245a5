//! Where bodies are written: few bytes at a time, copied as blocks of a fixed size, since a call that copies any number
//! of bytes costs more than the bytes.

/// Bytes written so far.
#[derive(Debug, Default)]
pub(super) struct Buffer(Vec<u8>);

impl Buffer {
    /// Room for so many bytes.
    pub(super) fn with_room(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// How many bytes have been written.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn written(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn into_written(self) -> Vec<u8> {
        self.0
    }

    /// Takes back what was written behind `length`.
    #[inline]
    pub(super) fn truncate(&mut self, length: usize) {
        self.0.truncate(length);
    }

    /// Puts `byte` in the place of one that was written.
    #[inline]
    pub(super) fn set(&mut self, place: usize, byte: u8) {
        self.0[place] = byte;
    }

    /// Appends any number of bytes.
    #[inline]
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Appends a block of a size that the compiler knows.
    #[inline]
    pub(super) fn put_block<const N: usize>(&mut self, block: &[u8; N]) {
        self.0.extend_from_slice(block);
    }

    /// Appends the first `length` bytes of a block: all of it, and takes back the rest.
    #[inline]
    pub(super) fn put_part<const N: usize>(&mut self, block: &[u8; N], length: usize) {
        let end = self.0.len() + length;
        self.0.extend_from_slice(block);
        self.0.truncate(end);
    }

    /// Appends what is probably short, as two blocks that may overlap.
    #[inline]
    pub(super) fn put_short(&mut self, bytes: &[u8]) {
        let length = bytes.len();
        if length > 32 {
            self.put(bytes);
        } else if let (Some(first), Some(last)) = (bytes.first_chunk::<16>(), bytes.last_chunk::<16>()) {
            self.put_part(first, length - 16);
            self.put_block(last);
        } else if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
            self.put_part(first, length - 8);
            self.put_block(last);
        } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
            self.put_part(first, length - 4);
            self.put_block(last);
        } else if let [first, .., last] = *bytes {
            self.put_part(&[first, bytes[1], last], length);
        } else if let [only] = *bytes {
            self.put_block(&[only]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_bytes_is_appended_as_it_is() {
        let bytes: Vec<u8> = (1..=70).collect();
        for length in 0..bytes.len() {
            let mut out = Buffer::default();
            out.put_block(&[0]);
            out.put_short(&bytes[..length]);
            out.put(&bytes[..length]);
            assert_eq!(out.written()[1..], [&bytes[..length], &bytes[..length]].concat(), "{length}");
        }
    }

    #[test]
    fn what_is_taken_back_is_written_over() {
        let mut out = Buffer::with_room(3);
        out.put(b"abc");
        out.truncate(1);
        out.put_block(b"de");
        out.truncate(9);
        out.set(0, b'A');
        assert_eq!((out.len(), out.into_written()), (3, b"Ade".to_vec()));
    }
}
