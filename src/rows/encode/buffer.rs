//! Where bodies are written: few bytes at a time, copied as blocks of a fixed size, since a call that copies any number
//! of bytes costs more than the bytes.

/// Bytes written so far, and room behind them.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    /// All of it set to something, the room too.
    bytes: Vec<u8>,
    end: usize,
}

/// How much of a name is copied at once.
pub(super) const START: usize = 32;
/// How much room there is for a value behind it. Longer text gets its room block by block.
const VALUE: usize = 64;
/// Room for a value.
pub(super) type Value = [u8; VALUE];

impl Buffer {
    /// Nothing written yet, and room for so many bytes, in memory that may have held others.
    pub(super) fn within(mut memory: Vec<u8>, room: usize) -> Self {
        if memory.capacity() < room {
            memory = vec![0; room];
        } else if memory.len() < room {
            memory.resize(room, 0);
        }
        Self { bytes: memory, end: 0 }
    }

    /// How many bytes have been written.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.end
    }

    pub(super) fn written(&self) -> &[u8] {
        &self.bytes[..self.end]
    }

    pub(super) fn into_written(mut self) -> Vec<u8> {
        self.bytes.truncate(self.end);
        self.bytes
    }

    /// All of its memory, whatever is in it.
    pub(super) fn into_memory(self) -> Vec<u8> {
        self.bytes
    }

    /// Takes back what was written behind `length`, which is not more than there is.
    #[inline]
    pub(super) fn truncate(&mut self, length: usize) {
        self.end = length;
    }

    /// Puts `byte` in the place of one that was written.
    #[inline]
    pub(super) fn set(&mut self, place: usize, byte: u8) {
        self.bytes[place] = byte;
    }

    /// Appends any number of bytes.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        if self.bytes.len() - self.end < bytes.len() {
            self.grow(bytes.len());
        }
        self.bytes[self.end..][..bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }

    /// Appends a block of a size that the compiler knows.
    #[inline(always)]
    pub(super) fn put_block<const N: usize>(&mut self, block: &[u8; N]) {
        self.room_at(self.end)[..N].copy_from_slice(block);
        self.end += N;
    }

    /// Appends the first `length` bytes of the start of a name, and answers the room for a value.
    #[inline(always)]
    pub(super) fn put_start(&mut self, start: &[u8; START], length: usize) -> &mut Value {
        let end = self.end;
        self.end += length;
        let room = self.room_at(end);
        room[..START].copy_from_slice(start);
        room[length..].first_chunk_mut().expect("room for both")
    }

    /// The room for a value. What is set there counts as written by [`Buffer::wrote`].
    #[inline(always)]
    pub(super) fn value(&mut self) -> &mut Value {
        self.room_at(self.end).first_chunk_mut().expect("room for more")
    }

    /// Room for so many bytes. What is set there counts as written by [`Buffer::wrote`].
    #[inline(always)]
    pub(super) fn room(&mut self, bytes: usize) -> &mut [u8] {
        if self.bytes.len() - self.end < bytes {
            self.grow(bytes);
        }
        &mut self.bytes[self.end..][..bytes]
    }

    /// So many bytes were set at the start of the room.
    #[inline(always)]
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.end += bytes;
    }

    #[inline(always)]
    fn room_at(&mut self, end: usize) -> &mut [u8; START + VALUE] {
        if end + START + VALUE > self.bytes.len() {
            return self.more_room(end);
        }
        self.bytes[end..end + START + VALUE].first_chunk_mut().expect("room was asked for")
    }

    #[cold]
    fn more_room(&mut self, end: usize) -> &mut [u8; START + VALUE] {
        self.grow(START + VALUE);
        self.bytes[end..].first_chunk_mut().expect("room was made")
    }

    /// Makes room for so many bytes.
    fn grow(&mut self, bytes: usize) {
        let (least, there) = (self.end + bytes, self.bytes.capacity());
        let wanted = least.max(2 * self.bytes.len());
        self.bytes.resize(if least <= there { wanted.min(there) } else { wanted }, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_made_for_whatever_is_written() {
        let bytes: Vec<u8> = (1..=200).collect();
        for length in 0..bytes.len() {
            let mut out = Buffer::default();
            out.put(&bytes[..length]);
            out.put_block(b"block");
            out.value()[..5].copy_from_slice(b"value");
            out.wrote(3);
            assert_eq!(out.written(), [&bytes[..length], b"blockval"].concat(), "{length}");
        }
    }

    #[test]
    fn memory_that_held_others_shows_nothing_of_them() {
        for room in 0..9 {
            let mut out = Buffer::within(b"held".to_vec(), room);
            out.put_block(b"a");
            assert_eq!(out.into_written(), b"a", "{room}");
        }
    }

    #[test]
    fn what_is_taken_back_is_written_over() {
        let mut out = Buffer::default();
        out.put(b"abc");
        out.truncate(1);
        out.put_block(b"de");
        out.set(0, b'A');
        assert_eq!((out.len(), out.into_written()), (3, b"Ade".to_vec()));
    }
}
