//! Kept bodies one behind the other in large pieces of memory, which the system gives in huge pages.
//!
//! ```text
//!  body ──copied──▶ [body|body|body|…   ]   a piece: given back once none of its bodies is needed
//!    └─ its own memory, which is warm ─▶ the next body
//! ```
//!
//! A page that the system has not given before costs as much as encoding the rows that fill it; one of 2 MB costs a tenth of
//! what its 512 small ones do. A body by itself is too small for them.

use bytes::{Bytes, BytesMut};

use super::huge_pages;

/// Bytes of bodies that stay where they are: few find memory that was used before, which costs nothing.
const FEW: usize = 16 << 20;
/// Of a piece: more than malloc ever serves from memory that it does not give back.
const PIECE: usize = 32 << 20;

/// The memory of kept bodies.
#[derive(Debug, Default)]
pub(super) struct Pack {
    /// Bytes of the bodies that have come.
    bytes: usize,
    /// What is left of the piece.
    piece: BytesMut,
}

impl Pack {
    /// `body` in memory of the pack; `None` where it had better stay where it is.
    pub(super) fn copy(&mut self, body: &[u8]) -> Option<Bytes> {
        self.bytes += body.len();
        if !cfg!(target_os = "linux") || self.bytes <= FEW || body.len() > PIECE / 4 {
            return None;
        }
        if self.piece.capacity() < body.len() {
            self.piece = piece();
        }
        self.piece.extend_from_slice(body);
        Some(self.piece.split().freeze())
    }
}

/// Memory that begins where a huge page may.
fn piece() -> BytesMut {
    let mut memory = BytesMut::with_capacity(huge_pages::SIZE + PIECE);
    let before = memory.spare_capacity_mut().as_ptr().align_offset(huge_pages::SIZE);
    let mut piece = memory.split_off(before);
    huge_pages::ask_for(piece.spare_capacity_mut());
    piece
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn bodies_lie_one_behind_the_other_in_pieces_that_begin_where_a_huge_page_may() {
        let mut pack = Pack::default();
        assert_eq!(pack.copy(&vec![0; FEW]), None);
        let bodies: Vec<Vec<u8>> = (1..=9).map(|byte| vec![byte; PIECE / 4 - 1]).collect();
        let copies: Vec<Bytes> = bodies.iter().map(|body| pack.copy(body).unwrap()).collect();
        assert_eq!(copies, bodies);
        let starts: Vec<_> = copies.iter().map(|copy| copy.as_ptr().addr()).collect();
        for piece in starts.chunks(4) {
            assert_eq!(piece[0] % huge_pages::SIZE, 0);
            assert!(piece.windows(2).all(|pair| pair[1] - pair[0] == PIECE / 4 - 1));
        }
    }

    #[test]
    fn a_body_that_is_nearly_a_piece_stays_where_it_is() {
        let mut pack = Pack { bytes: FEW, piece: BytesMut::new() };
        assert_eq!(pack.copy(&vec![0; PIECE / 4 + 1]), None);
    }
}
